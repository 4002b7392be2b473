//! Renderers over one plan model. They read nothing and write to nothing but the text they return.

pub mod certificates;
pub mod difference;
pub mod document;
pub mod drift;
pub mod history;
pub mod json;
mod layout;
mod remembered;
mod style;
pub mod text;

pub use style::{Palette, Width};
