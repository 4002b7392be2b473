//! The value `Type` of a service: what kind of program it is.
//! Source: [MS-SCMR] 2.2.15, and the constants of `winnt.h` for services of users and packages.

use bitflags::bitflags;

bitflags! {
    /// The kind of a service; unknown bits are kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct ServiceType: u32 {
        const KERNEL_DRIVER = 0x0001;
        const FILE_SYSTEM_DRIVER = 0x0002;
        const ADAPTER = 0x0004;
        const RECOGNIZER_DRIVER = 0x0008;
        /// A process of its own.
        const OWN_PROCESS = 0x0010;
        /// A process shared with others.
        const SHARE_PROCESS = 0x0020;
        /// A template: each user who logs on gets an instance.
        const USER_SERVICE = 0x0040;
        /// The instance that a user got.
        const USER_SERVICE_INSTANCE = 0x0080;
        /// May talk to the desktop.
        const INTERACTIVE = 0x0100;
        const PACKAGE_SERVICE = 0x0200;
        const _ = !0;
    }
}

impl ServiceType {
    const DRIVERS: Self =
        Self::KERNEL_DRIVER.union(Self::FILE_SYSTEM_DRIVER).union(Self::ADAPTER).union(Self::RECOGNIZER_DRIVER);

    /// Whether it runs in the kernel: without an account, and not by the rules of services.
    pub const fn is_driver(self) -> bool {
        self.intersects(Self::DRIVERS)
    }
}
