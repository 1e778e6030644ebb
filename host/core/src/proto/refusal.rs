//! What a server says no with: the word on the wire and the text NUT's client programs show for it.
//!
//! Tokens: RFC 9271 §4.3 and upsd 2.8. The client texts are part of the contract of `upsc` and its like, since scripts
//! match them. A token that is not in the table is kept by the client as it came, never guessed at.

use std::fmt;

macro_rules! refusals {
    ($($name:ident $token:literal $text:literal $doc:literal;)*) => {
        /// Why a server refuses a request. `Display` is the client programs' text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Refusal {
            $(#[doc = $doc] $name,)*
        }

        const ALL: &[Refusal] = &[$(Refusal::$name),*];

        impl Refusal {
            /// The word after `ERR ` on the wire.
            pub fn token(self) -> &'static str {
                match self { $(Self::$name => $token),* }
            }

            /// What NUT's client programs show for it; tokens they do not know are all "Unknown error" to them.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

refusals! {
    AccessDenied "ACCESS-DENIED" "Access denied" "The user lacks the right, or name and password do not belong together.";
    UnknownUps "UNKNOWN-UPS" "Unknown UPS" "No such UPS.";
    VarNotSupported "VAR-NOT-SUPPORTED" "Variable not supported by UPS" "The UPS has no such variable.";
    CmdNotSupported "CMD-NOT-SUPPORTED" "Instant command not supported" "The UPS has no such instant command.";
    InvalidArgument "INVALID-ARGUMENT" "Unknown error" "Too few or too many words, or a word out of place.";
    InstcmdFailed "INSTCMD-FAILED" "Instant command failed" "The instant command could not be handed to the driver.";
    SetFailed "SET-FAILED" "Set command failed" "The write could not be handed to the driver.";
    Readonly "READONLY" "Read-only variable" "The variable cannot be written.";
    TooLong "TOO-LONG" "New value is too long" "The value is longer than the variable takes.";
    InvalidValue "INVALID-VALUE" "Invalid value for variable" "The value is not one the variable takes.";
    FeatureNotSupported "FEATURE-NOT-SUPPORTED" "Unknown error" "The server was built without this.";
    FeatureNotConfigured "FEATURE-NOT-CONFIGURED" "Unknown error" "The server could, but is not configured to.";
    AlreadySslMode "ALREADY-SSL-MODE" "Unknown error" "TLS is on already.";
    DriverNotConnected "DRIVER-NOT-CONNECTED" "Driver not connected" "No driver reports for this UPS.";
    DataStale "DATA-STALE" "Data stale" "The driver has lost its device.";
    AlreadyLoggedIn "ALREADY-LOGGED-IN" "Already logged in" "One login per connection.";
    AlreadySetUsername "ALREADY-SET-USERNAME" "Already set username" "One user name per connection.";
    AlreadySetPassword "ALREADY-SET-PASSWORD" "Already set password" "One password per connection.";
    UsernameRequired "USERNAME-REQUIRED" "Username required" "The request needs a user name first.";
    PasswordRequired "PASSWORD-REQUIRED" "Password required" "The request needs a password first.";
    UnknownCommand "UNKNOWN-COMMAND" "Unknown command" "No such request.";
    // Only older servers say these.
    InvalidUsername "INVALID-USERNAME" "Invalid username" "Invalid username; said by older servers only.";
    InvalidPassword "INVALID-PASSWORD" "Invalid password" "Invalid password; said by older servers only.";
    PasswordIncorrect "PASSWORD-INCORRECT" "Password incorrect" "Password incorrect; said by older servers only.";
    MissingArgument "MISSING-ARGUMENT" "Missing argument" "Missing argument; said by older servers only.";
    VarUnknown "VAR-UNKNOWN" "Variable unknown" "Variable unknown; said by older servers only.";
    UnknownVar "UNKNOWN-VAR" "Unknown variable" "Unknown variable; said by older servers only.";
    UnknownType "UNKNOWN-TYPE" "Unknown variable type" "Unknown variable type; said by older servers only.";
    UnknownInstcmd "UNKNOWN-INSTCMD" "Unknown instant command" "Unknown instant command; said by older servers only.";
}

impl Refusal {
    /// The refusal a token stands for; tokens are upper-case, as sent.
    pub fn from_token(token: &str) -> Option<Self> {
        ALL.iter().copied().find(|refusal| refusal.token() == token)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_found_again() {
        for &refusal in ALL {
            assert_eq!(Refusal::from_token(refusal.token()), Some(refusal));
        }
        assert_eq!(Refusal::from_token("NEW-IN-1.4"), None);
        assert_eq!(Refusal::DataStale.to_string(), "Data stale");
    }
}
