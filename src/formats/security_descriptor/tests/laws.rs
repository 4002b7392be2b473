//! Laws over generated descriptors, bytes and texts.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::*;

fn any_sid() -> impl Strategy<Value = Sid> {
    prop_oneof![
        Just(Sid::SYSTEM),
        Just(Sid::USERS),
        Just(Sid::CREATOR_OWNER),
        (0..1_u64 << 48, vec(any::<u32>(), 0..=15)).prop_map(|(authority, words)| Sid::new(authority, &words).unwrap()),
    ]
}

fn any_mask() -> impl Strategy<Value = AccessMask> {
    prop_oneof![
        Just(AccessMask::KEY_READ),
        Just(AccessMask::KEY_WRITE),
        Just(AccessMask::KEY_ALL_ACCESS),
        Just(AccessMask::GENERIC_READ),
        any::<u32>().prop_map(AccessMask::from_bits_retain),
    ]
}

fn any_printable_ace() -> impl Strategy<Value = Ace> {
    let kinds = prop_oneof![4 => Just(AceKind::Allow), 2 => Just(AceKind::Deny), 1 => Just(AceKind::MandatoryLabel)];
    (kinds, any::<u8>(), any_mask(), any_sid())
        .prop_map(|(kind, flags, mask, sid)| Ace::of_account(kind, sid, mask, AceFlags::from_bits_retain(flags)))
}

fn any_ace() -> impl Strategy<Value = Ace> {
    prop_oneof![
        4 => any_printable_ace(),
        1 => (any_printable_ace(), vec(any::<u8>(), 0..9)).prop_map(|(mut ace, bytes)| {
            if let AceBody::Account(entry) = &mut ace.body {
                entry.kind = AceKind::ConditionalAllow;
                entry.trailing = bytes;
            }
            ace
        }),
        1 => (any::<u8>(), vec(any::<u8>(), 0..40)).prop_filter_map("a known kind", |(kind, bytes)| {
            let body = AceBody::Opaque(OpaqueEntry { kind, bytes });
            AceKind::from_number(kind).is_none().then_some(Ace { flags: AceFlags::empty(), body })
        }),
    ]
}

fn any_list(aces: impl Strategy<Value = Ace>) -> impl Strategy<Value = AccessList> {
    prop_oneof![
        1 => Just(AccessList::Absent),
        1 => Just(AccessList::Null),
        6 => vec(aces, 0..6).prop_map(|entries| AccessList::Entries(Acl::new(entries))),
    ]
}

fn any_descriptor<A: Strategy<Value = Ace>>(aces: fn() -> A) -> impl Strategy<Value = SecurityDescriptor> {
    let accounts = (proptest::option::of(any_sid()), proptest::option::of(any_sid()));
    (accounts, any_list(aces()), any_list(aces()), any::<u16>(), any::<u8>()).prop_map(
        |((owner, group), dacl, sacl, control, resource_manager)| SecurityDescriptor {
            owner,
            group,
            dacl,
            sacl,
            control: Control::from_bits_truncate(control),
            resource_manager,
        },
    )
}

fn any_grants() -> impl Strategy<Value = Vec<Grant>> {
    let reach = prop_oneof![Just(Reach::ThisKey), Just(Reach::Subkeys)];
    vec((any_sid(), any_mask(), reach).prop_map(|(sid, mask, reach)| Grant { sid, mask, reach }), 0..4)
}

proptest! {
    #[test]
    fn bytes_round_trip(descriptor in any_descriptor(any_ace)) {
        let bytes = descriptor.to_bytes().unwrap();
        prop_assert_eq!(SecurityDescriptor::parse(&bytes), Ok(descriptor));
    }

    #[test]
    fn text_round_trips(descriptor in any_descriptor(any_printable_ace)) {
        let text = descriptor.to_sddl().unwrap();
        prop_assert_eq!(text.parse(), Ok(descriptor.normalized()));
    }

    #[test]
    fn any_bytes_are_an_answer(
        descriptor in any_descriptor(any_ace),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = descriptor.to_bytes().unwrap();
        for (place, byte) in damage {
            *place.get_mut(&mut bytes) = byte;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        if let Ok(read) = SecurityDescriptor::parse(&bytes) {
            prop_assert_eq!(SecurityDescriptor::parse(&read.to_bytes().unwrap()), Ok(read));
        }
    }

    #[test]
    fn any_text_is_an_answer(text in "([OGDS]:|BA|S-1-|[0-9]|\\(|\\)|;|A|CI|KR|0x|ä| ){0,30}") {
        match text.parse::<SecurityDescriptor>() {
            Ok(descriptor) => prop_assert_eq!(descriptor.to_sddl().unwrap().parse(), Ok(descriptor)),
            Err(error) => prop_assert!(text.is_char_boundary(error.offset)),
        }
    }

    #[test]
    fn granting_satisfies_unless_denied(
        descriptor in any_descriptor(any_ace),
        grants in any_grants(),
        others in prop_oneof![Just(Others::Keep), Just(Others::Remove)],
    ) {
        let granted = grant(&descriptor, &grants, others);
        if denied_by(&granted, &grants).is_empty() {
            prop_assert!(satisfies(&granted, &grants, others));
        }
        prop_assert_eq!(&grant(&granted, &grants, others), &granted);
        let inherited = |of: &SecurityDescriptor| -> Vec<Ace> {
            of.dacl().entries().iter().filter(|ace| ace.is_inherited()).cloned().collect()
        };
        prop_assert_eq!(inherited(&granted), inherited(&descriptor));
    }

    #[test]
    fn a_subkey_holds_only_inherited_entries_and_hands_them_on(
        parent in any_descriptor(any_ace),
        owner in any_sid(),
        group in any_sid(),
    ) {
        let creator = Creator { owner, group };
        let child = inherited_by_subkey(&parent, creator);
        let entries = child.dacl().entries();
        prop_assert!(entries.iter().all(Ace::is_inherited) || entries.iter().all(|ace| !ace.is_inherited()));
        // From the grandchild on nothing changes any more.
        let grandchild = inherited_by_subkey(&child, creator);
        prop_assert_eq!(inherited_by_subkey(&grandchild, creator), grandchild);
    }
}
