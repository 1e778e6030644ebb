//! Who is going to open devices: this user, or the one that drivers run as.

use rustix::process::{getegid, geteuid, getgroups};

/// Somebody, as permissions see them.
pub(super) struct Account {
    /// For people.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group ids, all of them.
    pub groups: Vec<u32>,
    /// The names of all others.
    pub names: Names,
}

/// Names of users and groups, from /etc/passwd and /etc/group.
pub(super) struct Names {
    users: String,
    groups: String,
}

impl Account {
    /// The user this program runs as.
    pub(super) fn own() -> Self {
        let names = Names::read();
        let groups = getgroups().unwrap_or_default();
        let uid = geteuid().as_raw();
        Self {
            name: name_of(&names.users, uid),
            uid,
            groups: groups
                .into_iter()
                .chain([getegid()])
                .map(|group| group.as_raw())
                .collect(),
            names,
        }
    }

    /// The user of that name.
    ///
    /// # Errors
    /// A sentence: there is none.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let names = Names::read();
        let unknown = || format!("there is no user {name} in /etc/passwd");
        let line = fields(&names.users)
            .find(|fields| fields.first() == Some(&name))
            .ok_or_else(unknown)?;
        let number = |at: usize| line.get(at)?.parse::<u32>().ok();
        let (uid, group) = number(2).zip(number(3)).ok_or_else(unknown)?;
        let member = |fields: &Vec<&str>| {
            fields
                .get(3)
                .is_some_and(|members| members.split(',').any(|member| member == name))
        };
        let groups = fields(&names.groups)
            .filter(member)
            .filter_map(|fields| fields.get(2)?.parse().ok());
        let groups = groups.chain([group]).collect();
        Ok(Self {
            name: name.to_owned(),
            uid,
            groups,
            names,
        })
    }
}

impl Names {
    fn read() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            users: read("/etc/passwd"),
            groups: read("/etc/group"),
        }
    }

    /// `root:dialout`.
    pub(super) fn of(&self, user: u32, group: u32) -> String {
        format!(
            "{}:{}",
            name_of(&self.users, user),
            name_of(&self.groups, group)
        )
    }
}

fn fields(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split(':').collect())
}

/// The number itself where nobody has it.
fn name_of(text: &str, id: u32) -> String {
    let id = id.to_string();
    let line = fields(text).find(|fields| fields.get(2) == Some(&id.as_str()));
    let name = line.and_then(|fields| fields.first().map(|name| (*name).to_owned()));
    name.unwrap_or(id)
}
