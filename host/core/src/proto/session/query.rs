//! GET and LIST: everything a client may read, without rights.
//!
//! Names are echoed as the client wrote them, values are quoted and escaped. Nothing is served while the data are stale.
//! Where an answer depends on no device (descriptions of a UPS, its clients, the server itself) staleness is not asked.

use super::page::{List, put_value};
use super::verbs::{Call, about};
use super::{Session, Step, Ups};
use crate::proto::tracking::Outcome;
use crate::proto::{Refusal, put, put_quoted};
use crate::report::Kind;
use crate::state::{Snapshot, Variable};

type Answer = Result<Step, Refusal>;

/// Variables the server has itself; they are never listed.
const SERVER: &str = "server.";
/// What NUT says of a name it has no text for.
const NO_TEXT: &str = "Description unavailable";

impl Session {
    pub(super) fn get(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        let what = call.arg(0);
        if what.eq_ignore_ascii_case("TRACKING") {
            return self.get_tracking(call, out);
        }
        call.need(2)?;
        if what.eq_ignore_ascii_case("NUMLOGINS") {
            return num_logins(call, out);
        } else if what.eq_ignore_ascii_case("UPSDESC") {
            return ups_desc(call, out);
        }
        call.need(3)?;
        match () {
            () if what.eq_ignore_ascii_case("VAR") => get_var(call, out),
            () if what.eq_ignore_ascii_case("TYPE") => get_type(call, out),
            () if what.eq_ignore_ascii_case("DESC") => get_desc(call, out),
            () if what.eq_ignore_ascii_case("CMDDESC") => get_cmddesc(call, out),
            () => Err(Refusal::InvalidArgument),
        }
    }

    fn get_tracking(&self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        let reply = match call.args.get(1) {
            None if self.tracking => "ON",
            None => "OFF",
            Some(_) if !self.tracking => return Err(Refusal::FeatureNotConfigured),
            Some(id) => call
                .view
                .tracking(&id.text, call.now)
                .unwrap_or(Outcome::Unknown)
                .reply(),
        };
        put(out, &[reply, "\n"]);
        Ok(Step::Continue)
    }

    pub(super) fn list(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        let what = call.arg(0);
        if what.eq_ignore_ascii_case("UPS") {
            return list_ups(call, out);
        }
        call.need(2)?;
        match () {
            () if what.eq_ignore_ascii_case("VAR") => {
                list_all(call, out, |ups| List::Variables { forced: ups.fsd })
            }
            () if what.eq_ignore_ascii_case("RW") => list_all(call, out, |_| List::Writable),
            () if what.eq_ignore_ascii_case("CMD") => list_all(call, out, |_| List::Commands),
            () if what.eq_ignore_ascii_case("CLIENT") => list_client(call, out),
            () if what.eq_ignore_ascii_case("ENUM") => list_enum(call, out),
            () if what.eq_ignore_ascii_case("RANGE") => list_range(call, out),
            () => Err(Refusal::InvalidArgument),
        }
    }
}

fn num_logins(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    let ups = call.ups(1)?;
    ups.available()?;
    let logins = ups.logins.to_string();
    put(out, &["NUMLOGINS ", call.arg(1), " ", &logins, "\n"]);
    Ok(Step::Continue)
}

fn ups_desc(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    let ups = call.ups(1)?;
    put(out, &["UPSDESC ", call.arg(1), " "]);
    finish_quoted(out, ups.desc.as_deref().unwrap_or("Unavailable"))
}

fn get_var(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    let name = call.arg(2);
    if starts_with(name, SERVER) {
        return get_server_var(call, out);
    }
    let ups = call.ups(1)?;
    let variable = find(ups.available()?, name)?;
    put(out, &["VAR ", call.arg(1), " ", name, " "]);
    put_value(out, ups.fsd, variable);
    out.push(b'\n');
    Ok(Step::Continue)
}

/// The name of the UPS is not looked up, and the variable's is answered in lower case: so does upsd.
fn get_server_var(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    let name = call.arg(2);
    let (name, value) = if name.eq_ignore_ascii_case("server.info") {
        ("server.info", about(call.view))
    } else if name.eq_ignore_ascii_case("server.version") {
        ("server.version", call.view.version().to_owned())
    } else {
        return Err(Refusal::VarNotSupported);
    };
    put(out, &["VAR ", call.arg(1), " ", name, " "]);
    finish_quoted(out, &value)
}

fn get_type(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    let ups = call.ups(1)?;
    let variable = find(ups.available()?, call.arg(2))?;
    put(out, &["TYPE ", call.arg(1), " ", call.arg(2)]);
    if variable.writable {
        put(out, &[" RW"]);
    }
    if !variable.choices.is_empty() {
        put(out, &[" ENUM"]);
    }
    if !variable.ranges.is_empty() {
        put(out, &[" RANGE"]);
    }
    match variable.kind {
        Kind::Text(most) => put(out, &[" STRING:", &most.to_string(), "\n"]),
        Kind::Number | Kind::Unspecified => put(out, &[" NUMBER\n"]),
    }
    Ok(Step::Continue)
}

/// The variable need not exist.
fn get_desc(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    call.ups(1)?.available()?;
    let name = call.arg(2);
    put(out, &["DESC ", call.arg(1), " ", name, " "]);
    finish_quoted(out, call.view.texts().variable(name).unwrap_or(NO_TEXT))
}

fn get_cmddesc(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    call.ups(1)?.available()?;
    let name = call.arg(2);
    put(out, &["CMDDESC ", call.arg(1), " ", name, " "]);
    finish_quoted(out, call.view.texts().command(name).unwrap_or(NO_TEXT))
}

fn list_ups(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    container(out, &["UPS"], |out| {
        for ups in call.view.upses() {
            put(out, &["UPS ", &ups.name, " "]);
            put_quoted(out, ups.desc.as_deref().unwrap_or(NO_TEXT));
            out.push(b'\n');
        }
    })
}

/// A list that depends on nothing but what the driver said.
fn list_all(call: &Call<'_>, out: &mut Vec<u8>, list: impl FnOnce(&Ups) -> List) -> Answer {
    let ups = call.ups(1)?;
    ups.available()?;
    ups.page.put(list(&ups), call.arg(1), out);
    Ok(Step::Continue)
}

fn list_client(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    let ups = call.ups(1)?;
    container(out, &["CLIENT", call.arg(1)], |out| {
        for client in ups.clients.iter() {
            put(out, &["CLIENT ", &ups.name, " ", &client.to_string(), "\n"]);
        }
    })
}

fn list_enum(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    list_of_variable(call, out, "ENUM", |out, prefix, variable| {
        for choice in &variable.choices {
            put(out, prefix);
            put_quoted(out, choice);
            out.push(b'\n');
        }
    })
}

fn list_range(call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    list_of_variable(call, out, "RANGE", |out, prefix, variable| {
        for (low, high) in &variable.ranges {
            put(out, prefix);
            put(
                out,
                &["\"", &low.to_string(), "\" \"", &high.to_string(), "\"\n"],
            );
        }
    })
}

fn list_of_variable(
    call: &Call<'_>,
    out: &mut Vec<u8>,
    keyword: &str,
    rows: impl FnOnce(&mut Vec<u8>, &[&str], &Variable),
) -> Answer {
    call.need(3)?;
    let ups = call.ups(1)?;
    let (echo, name) = (call.arg(1), call.arg(2));
    let variable = find(ups.available()?, name)?;
    container(out, &[keyword, echo, name], |out| {
        rows(out, &[keyword, " ", echo, " ", name, " "], variable);
    })
}

fn container(out: &mut Vec<u8>, query: &[&str], rows: impl FnOnce(&mut Vec<u8>)) -> Answer {
    let edge = |out: &mut Vec<u8>, word: &str| {
        put(out, &[word, " LIST"]);
        for part in query {
            put(out, &[" ", part]);
        }
        out.push(b'\n');
    };
    edge(out, "BEGIN");
    rows(out);
    edge(out, "END");
    Ok(Step::Continue)
}

fn find<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Variable, Refusal> {
    snapshot.variable(name).ok_or(Refusal::VarNotSupported)
}

fn finish_quoted(out: &mut Vec<u8>, text: &str) -> Answer {
    put_quoted(out, text);
    out.push(b'\n');
    Ok(Step::Continue)
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
