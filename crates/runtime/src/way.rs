//! The two ways into a component.

/// What a component is entered by; the same for its instances.
#[derive(Clone)]
pub(crate) enum Way<S, O> {
    /// The standard interface, which every component with the trigger exports for hosts that know no other.
    Standard(S),
    /// Our own interface beside it, which saves most of the crossings between host and guest.
    Own(O),
}

impl<S, O> Way<S, O> {
    /// Whether it is our own way.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Our own way if the component has it, unless only the standard one is wanted.
    ///
    /// # Errors
    /// The component does not even have the standard one.
    pub fn choose(
        standard: wasmtime::Result<S>,
        own: wasmtime::Result<O>,
        only_standard: bool,
    ) -> wasmtime::Result<Self> {
        let standard = standard?;
        Ok(match own {
            Ok(own) if !only_standard => Self::Own(own),
            Ok(_) | Err(_) => Self::Standard(standard),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> wasmtime::Result<char> {
        Err(wasmtime::format_err!("no such export"))
    }

    #[test]
    fn the_own_one_is_taken_where_it_is_there_and_wanted() {
        assert!(matches!(Way::choose(Ok('s'), Ok('o'), false), Ok(Way::Own('o'))));
        assert!(matches!(Way::choose(Ok('s'), Ok('o'), true), Ok(Way::Standard('s'))));
        assert!(matches!(Way::choose(Ok('s'), missing(), false), Ok(Way::Standard('s'))));
        assert!(Way::choose(missing(), Ok('o'), false).is_err());
    }
}
