//! WMI: instances of classes with their properties, and the named values that a provider reads beside a call.

use windows::Win32::System::Com::{
    CoSetProxyBlanket, EOAC_NONE, RPC_C_AUTHN_LEVEL_CALL, RPC_C_IMP_LEVEL_IMPERSONATE, SAFEARRAY,
};
use windows::Win32::System::Ole::{SafeArrayCreateVector, SafeArrayDestroy, SafeArrayPutElement};
use windows::Win32::System::Rpc::{RPC_C_AUTHN_WINNT, RPC_C_AUTHZ_NONE};
use windows::Win32::System::Variant::{
    VARENUM, VARIANT, VARIANT_0, VARIANT_0_0, VARIANT_0_0_0, VT_ARRAY, VT_BSTR, VT_I2, VT_I4, VT_NULL, VT_UI1,
};
use windows::Win32::System::Wmi::{
    IEnumWbemClassObject, IWbemClassObject, IWbemContext, IWbemLocator, IWbemServices, WBEM_FLAG_CONNECT_USE_MAX_WAIT,
    WBEM_FLAG_CREATE_ONLY, WBEM_FLAG_FORWARD_ONLY, WBEM_FLAG_RETURN_IMMEDIATELY, WBEM_FLAG_RETURN_WBEM_COMPLETE,
    WBEM_FLAG_UPDATE_ONLY, WBEM_GENERIC_FLAG_TYPE, WbemContext, WbemLocator,
};
use windows::core::{BSTR, PCWSTR};

use super::com::{Apartment, ComError};
use super::wide;

/// For how long one instance is waited for, in milliseconds.
const PATIENCE_MILLIS: i32 = 120_000;

/// A value of a property, or of one that stands beside a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Nothing,
    Text(String),
    Texts(Vec<String>),
    Number(u16),
    Switch(bool),
}

/// Properties or values beside a call, by their names.
pub type Named = [(&'static str, Value)];

/// A namespace of WMI on this machine.
pub struct Namespace {
    // Goes before the apartment it was made in.
    services: IWbemServices,
    apartment: Apartment,
}

/// An instance that was found.
pub struct Instance(IWbemClassObject);

impl Namespace {
    /// Opens a namespace such as `root\StandardCimv2`.
    ///
    /// # Errors
    /// It is not there, or WMI does not answer.
    pub fn open(path: &str) -> Result<Self, ComError> {
        let apartment = Apartment::enter()?;
        let locator: IWbemLocator = apartment.make(&WbemLocator)?;
        let none = BSTR::new();
        // SAFETY: the texts live longer than the call; empty ones stand for this user, here.
        let services = unsafe {
            locator.ConnectServer(
                &BSTR::from(path),
                &none,
                &none,
                &none,
                WBEM_FLAG_CONNECT_USE_MAX_WAIT.0,
                &none,
                None::<&IWbemContext>,
            )?
        };
        drop(locator);
        // SAFETY: the proxy is the one just made; the provider may act in the name of this user, as it has to.
        unsafe {
            CoSetProxyBlanket(
                &services,
                RPC_C_AUTHN_WINNT,
                RPC_C_AUTHZ_NONE,
                PCWSTR::null(),
                RPC_C_AUTHN_LEVEL_CALL,
                RPC_C_IMP_LEVEL_IMPERSONATE,
                None,
                EOAC_NONE,
            )?;
        }
        Ok(Self { services, apartment })
    }

    /// What a query in WQL finds.
    ///
    /// # Errors
    /// WMI refuses, or does not answer in two minutes.
    pub fn query(&self, query: &str, beside: &Named) -> Result<Vec<Instance>, ComError> {
        let context = self.context(beside)?;
        let flags = WBEM_GENERIC_FLAG_TYPE(WBEM_FLAG_FORWARD_ONLY.0 | WBEM_FLAG_RETURN_IMMEDIATELY.0);
        // SAFETY: the texts live longer than the call.
        let found: IEnumWbemClassObject =
            unsafe { self.services.ExecQuery(&BSTR::from("WQL"), &BSTR::from(query), flags, &context)? };
        let mut instances = Vec::new();
        loop {
            let mut next = [None];
            let mut count = 0;
            // SAFETY: there is room for the one instance that is asked for.
            let result = unsafe { found.Next(PATIENCE_MILLIS, &mut next, &mut count) };
            result.ok()?;
            match next {
                [Some(instance)] if count == 1 => instances.push(Instance(instance)),
                // A success without an instance: the end, or (WBEM_S_TIMEDOUT, 0x40004) nothing in time.
                _ if result.0 == 0x4_0004 => {
                    let timeout = windows::core::HRESULT(0x8007_05b4_u32.cast_signed());
                    return Err(windows::core::Error::from_hresult(timeout).into());
                }
                _ => return Ok(instances),
            }
        }
    }

    /// Makes an instance of a class; it must not be there.
    ///
    /// # Errors
    /// WMI refuses.
    pub fn create(&self, class: &str, properties: &Named, beside: &Named) -> Result<(), ComError> {
        let mut definition = None;
        // SAFETY: the text lives longer than the call, and the object is written before the call succeeds.
        unsafe {
            let flags = WBEM_FLAG_RETURN_WBEM_COMPLETE;
            self.services.GetObject(
                &BSTR::from(class),
                flags,
                None::<&IWbemContext>,
                Some(&raw mut definition),
                None,
            )?;
        }
        let definition: IWbemClassObject = definition.ok_or_else(windows::core::Error::empty)?;
        // SAFETY: it takes no flags.
        let instance = Instance(unsafe { definition.SpawnInstance(0)? });
        self.put(&instance, WBEM_FLAG_CREATE_ONLY.0, properties, beside)
    }

    /// Gives an instance other properties.
    ///
    /// # Errors
    /// WMI refuses.
    pub fn update(&self, instance: &Instance, properties: &Named, beside: &Named) -> Result<(), ComError> {
        self.put(instance, WBEM_FLAG_UPDATE_ONLY.0, properties, beside)
    }

    fn put(&self, instance: &Instance, flags: i32, properties: &Named, beside: &Named) -> Result<(), ComError> {
        for (name, value) in properties {
            let value = variant(value)?;
            let name = wide(name);
            // SAFETY: the name ends in a zero, both live longer than the call; the type is that of the class.
            unsafe { instance.0.Put(PCWSTR(name.as_ptr()), 0, &value, 0)? };
        }
        let context = self.context(beside)?;
        // SAFETY: nothing is asked back.
        unsafe { self.services.PutInstance(&instance.0, WBEM_GENERIC_FLAG_TYPE(flags), &context, None) }?;
        Ok(())
    }

    /// Removes an instance.
    ///
    /// # Errors
    /// WMI refuses.
    pub fn remove(&self, instance: &Instance, beside: &Named) -> Result<(), ComError> {
        let path = instance.text("__RELPATH")?.ok_or_else(windows::core::Error::empty)?;
        let context = self.context(beside)?;
        let flags = WBEM_FLAG_RETURN_WBEM_COMPLETE;
        // SAFETY: the text lives longer than the call; nothing is asked back.
        unsafe { self.services.DeleteInstance(&BSTR::from(path), flags, &context, None) }?;
        Ok(())
    }

    fn context(&self, beside: &Named) -> Result<IWbemContext, ComError> {
        let context: IWbemContext = self.apartment.make(&WbemContext)?;
        for (name, value) in beside {
            let value = variant(value)?;
            let name = wide(name);
            // SAFETY: the name ends in a zero, and both live longer than the call, which copies them.
            unsafe { context.SetValue(PCWSTR(name.as_ptr()), 0, &value)? };
        }
        Ok(context)
    }
}

impl Instance {
    fn get(&self, name: &str) -> Result<VARIANT, ComError> {
        let name = wide(name);
        let mut value = VARIANT::default();
        // SAFETY: the name ends in a zero; the variant is an empty one to be filled.
        unsafe { self.0.Get(PCWSTR(name.as_ptr()), 0, &raw mut value, None, None)? };
        Ok(value)
    }

    /// A property that is a text; none where nothing is said.
    ///
    /// # Errors
    /// The class has none of this name.
    pub fn text(&self, name: &str) -> Result<Option<String>, ComError> {
        let value = self.get(name)?;
        // SAFETY: every variant has a type, and the type says which field is there.
        Ok(unsafe {
            let inner = &value.Anonymous.Anonymous;
            (inner.vt == VT_BSTR).then(|| inner.Anonymous.bstrVal.to_string())
        })
    }

    /// A property that is a number of up to 32 bits; none where nothing is said.
    ///
    /// # Errors
    /// The class has none of this name.
    pub fn number(&self, name: &str) -> Result<Option<u32>, ComError> {
        let value = self.get(name)?;
        // SAFETY: every variant has a type, and the type says which field is there.
        Ok(unsafe {
            let inner = &value.Anonymous.Anonymous;
            match inner.vt {
                VT_I4 => Some(inner.Anonymous.lVal.cast_unsigned()),
                VT_I2 => Some(u32::from(inner.Anonymous.iVal.cast_unsigned())),
                VT_UI1 => Some(u32::from(inner.Anonymous.bVal)),
                _ => None,
            }
        })
    }
}

/// A text within a query, in quotes.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// A list of texts for COM, which a variant takes over or which is freed.
struct Texts(*const SAFEARRAY);

impl Texts {
    fn of(texts: &[String]) -> Result<Self, ComError> {
        let count = u32::try_from(texts.len()).unwrap_or(u32::MAX);
        // SAFETY: a vector of texts, empty at first.
        let array = Self(unsafe { SafeArrayCreateVector(VT_BSTR, 0, count) });
        if array.0.is_null() {
            return Err(windows::core::Error::from_hresult(windows::Win32::Foundation::E_OUTOFMEMORY).into());
        }
        for (place, text) in (0i32..).zip(texts) {
            // Of a text the pointer itself is passed, which is null for an empty one.
            let raw = BSTR::from(text.as_str()).into_raw();
            // SAFETY: the place is within the vector; what the pointer points to is copied, and freed after the call.
            let put = unsafe {
                let put = SafeArrayPutElement(array.0, &raw const place, raw.cast());
                drop(BSTR::from_raw(raw));
                put
            };
            put?;
        }
        Ok(array)
    }
}

impl Drop for Texts {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: nobody else has it.
            let _nothing_to_do_about_it = unsafe { SafeArrayDestroy(self.0) };
        }
    }
}

/// Numbers and switches as automation has them: WMI takes 32 bits for 16 without a sign.
fn variant(value: &Value) -> Result<VARIANT, ComError> {
    Ok(match value {
        Value::Nothing => made(VT_NULL, VARIANT_0_0_0 { llVal: 0 }),
        Value::Text(text) => VARIANT::from(BSTR::from(text.as_str())),
        Value::Number(number) => VARIANT::from(i32::from(*number)),
        Value::Switch(switch) => VARIANT::from(*switch),
        Value::Texts(texts) => {
            let mut array = Texts::of(texts)?;
            let parray = std::mem::replace(&mut array.0, std::ptr::null()).cast_mut();
            made(VARENUM(VT_ARRAY.0 | VT_BSTR.0), VARIANT_0_0_0 { parray })
        }
    })
}

fn made(vt: VARENUM, inner: VARIANT_0_0_0) -> VARIANT {
    let inner = VARIANT_0_0 { vt, wReserved1: 0, wReserved2: 0, wReserved3: 0, Anonymous: inner };
    VARIANT { Anonymous: VARIANT_0 { Anonymous: std::mem::ManuallyDrop::new(inner) } }
}
