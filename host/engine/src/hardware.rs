//! The list of devices a plugin is for, asked for when somebody wants to read it, and never when a daemon starts.

use crate::bindings::HostSide;
use crate::bindings::exports::ups::driver::driver as wit;
use crate::error::LoadError;
use crate::plugin::Plugin;
use crate::{crash, limits, text};
use std::fmt;

/// Devices of one maker that are one to the driver; texts fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    /// Who sells them.
    pub maker: String,
    /// As their maker calls them.
    pub models: Vec<String>,
    /// What tells them or what they need; may be empty.
    pub hint: String,
    /// How much of them is served.
    pub support: Support,
    /// From what that is known.
    pub evidence: Evidence,
}

/// How much of a device's own abilities is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// All that is known of it.
    Full,
    /// Not all values or commands.
    Partial,
    /// The status and nothing else.
    StatusOnly,
}

/// How it is known that a device works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Recorded bytes are replayed in the driver's tests.
    Recording,
    /// Documents, or values that another driver has published.
    Document,
    /// It is like a device that is known.
    Untested,
}

impl Plugin {
    /// The devices it is known to be for, told by an instance of its own that has no port.
    ///
    /// # Errors
    /// When it fails over that, or tells without end.
    pub async fn hardware(&self) -> Result<Vec<Hardware>, LoadError> {
        let phase = &limits::DESCRIBE;
        let mut store = self.runtime.anonymous_store();
        store.data_mut().begin(phase);
        let answer = tokio::time::timeout(phase.wall, async {
            let instance = self.portless.instantiate_async(&mut store).await?;
            let driver = HostSide::new(&mut store, &instance)?;
            driver.ups_driver_driver().call_supported(&mut store).await
        })
        .await;
        let rows = match answer {
            Err(_) => return Err(LoadError::Describe(crash::too_slow(phase))),
            Ok(Err(error)) => return Err(LoadError::Describe(crash::reason(phase, &error))),
            Ok(Ok(rows)) => rows,
        };
        checked(rows).map_err(LoadError::Describe)
    }
}

fn checked(rows: Vec<wit::Hardware>) -> Result<Vec<Hardware>, String> {
    let most = rows.iter().map(|row| row.models.len()).max().unwrap_or(0);
    let count = rows.len().max(most);
    if count > limits::HARDWARE {
        return Err(format!(
            "it lists {count} devices; {} are allowed",
            limits::HARDWARE
        ));
    }
    Ok(rows.into_iter().map(Hardware::from).collect())
}

impl From<wit::Hardware> for Hardware {
    fn from(row: wit::Hardware) -> Self {
        let shown = |text: &str| text::clean(text, limits::DESCRIPTION_TEXT);
        Self {
            maker: shown(&row.maker),
            models: row.models.iter().map(|model| shown(model)).collect(),
            hint: shown(&row.hint),
            support: match row.support {
                wit::Support::Full => Support::Full,
                wit::Support::Partial => Support::Partial,
                wit::Support::StatusOnly => Support::StatusOnly,
            },
            evidence: match row.evidence {
                wit::Evidence::Recording => Evidence::Recording,
                wit::Evidence::Document => Evidence::Document,
                wit::Evidence::Untested => Evidence::Untested,
            },
        }
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::StatusOnly => "status only",
        })
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recording => "recording",
            Self::Document => "document",
            Self::Untested => "untested",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(models: usize) -> wit::Hardware {
        wit::Hardware {
            maker: "A\u{1b}[2J".to_owned(),
            models: vec!["M\n1".to_owned(); models],
            hint: String::new(),
            support: wit::Support::Full,
            evidence: wit::Evidence::Untested,
        }
    }

    #[test]
    fn texts_are_made_fit_to_be_shown_and_endless_lists_refused() {
        let rows = checked(vec![row(2)]).unwrap_or_default();
        let shown = rows
            .first()
            .map(|row| (row.maker.as_str(), row.models.join(",")));
        assert_eq!(shown, Some(("A [2J", "M 1,M 1".to_owned())));
        assert!(checked(vec![row(1); limits::HARDWARE + 1]).is_err());
        assert!(checked(vec![row(limits::HARDWARE + 1)]).is_err());
    }
}
