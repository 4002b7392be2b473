//! Renderers over one plan model. They read nothing and write to nothing but the text they return.

pub mod difference;
pub mod document;
pub mod json;
mod layout;
mod style;
pub mod text;

pub use style::{Palette, Width};
