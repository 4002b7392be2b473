//! What other kinds have to know of an entry's certificate: which one it will be when the plan is done. Pure.

use jiff::Timestamp;

use super::Certificates;
use super::assess::{Fate, Scene};
use crate::formats::certificate_store::StorePlace;
use crate::kinds::Context;
use crate::model::certificate::CertificateRef;
use crate::model::fact::Facts;
use crate::model::resource::ResourceId;
use crate::model::thumbprint::Thumbprint;
use crate::model::verdict::Verdict;

/// What becomes of an entry's certificate.
#[derive(Clone, Debug)]
pub enum Outlook {
    /// The document has no such entry, or it is of several certificates.
    Unknown,
    /// It is to go.
    Leaves,
    /// There is none yet; what needs it has this verdict.
    Waits(Verdict),
    Ready {
        certificate: CertificateRef,
        not_after: Timestamp,
        /// The one that is there now, when it is another.
        replaces: Option<Thumbprint>,
        stores: Vec<StorePlace>,
    },
}

impl Certificates {
    /// What becomes of the certificate of an entry. The facts must be the same each time.
    pub fn outlook(&self, name: &str, facts: &Facts, context: &Context<'_>) -> Outlook {
        let Some(entry) = self.entry(name).filter(|entry| !entry.is_bundle()) else { return Outlook::Unknown };
        if !entry.is_present() {
            return Outlook::Leaves;
        }
        let assessment = self.assess(name, Scene { facts, as_of: context.as_of, all: self });
        let Some(result) = &assessment.result else {
            return Outlook::Waits(match assessment.fate {
                Fate::Request(_) | Fate::Pending => Verdict::Pending,
                Fate::Deferred => Verdict::Deferred,
                Fate::Unverifiable => Verdict::Unverifiable,
                Fate::Stays | Fate::Issue(_) | Fate::Blocked => Verdict::Blocked,
            });
        };
        let current = assessment.current.as_ref().map(|current| Thumbprint::of(current.der()));
        Outlook::Ready {
            certificate: result.certificate.clone(),
            not_after: result.not_after,
            replaces: current.filter(|current| result.certificate.thumbprint() != Some(*current)),
            stores: entry.stores.iter().map(|store| store.value.clone()).collect(),
        }
    }

    /// The entry whose certificate this is now, and whether it gets another one in this plan.
    pub fn holder_of(
        &self,
        thumbprint: &Thumbprint,
        facts: &Facts,
        context: &Context<'_>,
    ) -> Option<(ResourceId, bool)> {
        let mut names: Vec<&str> = self.entries().filter(|entry| entry.makes_key()).map(|entry| &*entry.name).collect();
        names.sort_unstable();
        names.into_iter().find_map(|name| match self.outlook(name, facts, context) {
            Outlook::Ready { replaces: Some(old), .. } if old == *thumbprint => {
                Some((ResourceId::new("certificates", name), true))
            }
            Outlook::Ready { certificate, .. } if certificate.thumbprint() == Some(*thumbprint) => {
                Some((ResourceId::new("certificates", name), false))
            }
            _ => None,
        })
    }

    /// Whether some entry puts this certificate into its stores.
    pub fn brings(&self, thumbprint: &Thumbprint, facts: &Facts, context: &Context<'_>) -> bool {
        let mut names = self.entries().map(|entry| &*entry.name);
        names.any(|name| match self.outlook(name, facts, context) {
            Outlook::Ready { certificate, .. } => certificate.thumbprint() == Some(*thumbprint),
            _ => false,
        })
    }
}
