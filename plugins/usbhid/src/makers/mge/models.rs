//! The models MGE and Eaton made: which family they are of, and names that are not simply product and model.
//!
//! A family is what decides whether the battery voltage is measured, which output voltages may be chosen and whether the
//! first outlet switches the others. Product and model are the strings the unit gives, to the letter, blanks included.
//!
//! Refuses to guess: a unit that is not here is line-interactive or online, and named by its strings. Source: what
//! clients have been shown for these units by NUT.

use crate::device::Look;

/// What the models of a family have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Passes the mains through; takes 220 to 240 V or 100 to 127 V only.
    Offline,
    /// The same, and its first outlet switches the others by its load.
    Pegasus,
    /// The same; outside of Europe its first outlet switches too.
    ThreeS,
    /// Line-interactive or online.
    Usual,
    /// Measures its battery, but says 24 V for the 12 V it has.
    Evolution650,
    /// Measures its battery.
    Measuring,
}

/// One model by its product and model strings, and its name where that is not both of them.
struct Model(&'static str, &'static str, Family, Option<&'static str>);

const fn named(
    product: &'static str,
    model: &'static str,
    family: Family,
    name: &'static str,
) -> Model {
    Model(product, model, family, Some(name))
}

const fn model(product: &'static str, model: &'static str, family: Family) -> Model {
    Model(product, model, family, None)
}

#[rustfmt::skip]
static MODELS: &[Model] = &{
    use Family::{Evolution650, Measuring, Offline, Pegasus, ThreeS, Usual};
    [
        named("ELLIPSE", "300", Offline, "ellipse 300"),
        named("ELLIPSE", "500", Offline, "ellipse 500"),
        named("ELLIPSE", "650", Offline, "ellipse 650"),
        named("ELLIPSE", "800", Offline, "ellipse 800"),
        named("ELLIPSE", "1200", Offline, "ellipse 1200"),
        named("ellipse", "PR500", Offline, "ellipse premium 500"),
        named("ellipse", "PR650", Offline, "ellipse premium 650"),
        named("ellipse", "PR800", Offline, "ellipse premium 800"),
        named("ellipse", "PR1200", Offline, "ellipse premium 1200"),
        named("ELLIPSE", "600", Offline, "Ellipse 600"),
        named("ELLIPSE", "750", Offline, "Ellipse 750"),
        named("ELLIPSE", "1000", Offline, "Ellipse 1000"),
        named("ELLIPSE", "1500", Offline, "Ellipse 1500"),
        model("Ellipse MAX", "600", Offline),
        model("Ellipse MAX", "850", Offline),
        model("Ellipse MAX", "1100", Offline),
        model("Ellipse MAX", "1500", Offline),
        named("PROTECTIONCENTER", "420", Offline, "Protection Center 420"),
        named("PROTECTIONCENTER", "500", Offline, "Protection Center 500"),
        named("PROTECTIONCENTER", "675", Offline, "Protection Center 675"),
        model("Protection Station", "500", Pegasus),
        model("Protection Station", "650", Pegasus),
        model("Protection Station", "800", Pegasus),
        model("Ellipse ECO", "650", Pegasus),
        model("Ellipse ECO", "800", Pegasus),
        model("Ellipse ECO", "1200", Pegasus),
        model("Ellipse ECO", "1600", Pegasus),
        model("3S", "450", Offline),
        model("3S", "550", Offline),
        model("3S", "700", ThreeS),
        model("3S", "750", ThreeS),
        named("Evolution", "500", Usual, "Pulsar Evolution 500"),
        named("Evolution", "800", Usual, "Pulsar Evolution 800"),
        named("Evolution", "1100", Usual, "Pulsar Evolution 1100"),
        named("Evolution", "1500", Usual, "Pulsar Evolution 1500"),
        named("Evolution", "2200", Usual, "Pulsar Evolution 2200"),
        named("Evolution", "3000", Usual, "Pulsar Evolution 3000"),
        named("Evolution", "3000XL", Usual, "Pulsar Evolution 3000 XL"),
        model("Evolution", "650", Evolution650),
        model("Evolution", "850", Measuring),
        model("Evolution", "1150", Measuring),
        model("Evolution", "S 1250", Measuring),
        model("Evolution", "1550", Measuring),
        model("Evolution", "S 1750", Measuring),
        model("Evolution", "2000", Measuring),
        model("Evolution", "S 2500", Measuring),
        model("Evolution", "S 3000", Measuring),
        named("Eaton 5P", "650", Measuring, "5P 650"),
        named("Eaton 5P", "850", Measuring, "5P 850"),
        named("Eaton 5P", "1150", Measuring, "5P 1150"),
        named("Eaton 5P", "1550", Measuring, "5P 1550"),
        named("Ellipse PRO", "1200 ", Measuring, "Eaton 5S1200"),
        named("Ellipse PRO", "1500 ", Measuring, "Eaton 5S1500"),
        named("Ellipse PRO", "1600 ", Measuring, "Eaton 5S1600"),
        model("PULSAR M", "2200", Measuring),
        model("PULSAR M", "3000", Measuring),
        model("PULSAR M", "3000 XL", Measuring),
        model("EX", "2200", Measuring),
        model("EX", "3000", Measuring),
        model("EX", "3000 XL", Measuring),
        named("PULSAR", "MX4000", Usual, "Pulsar MX 4000 RT"),
        named("PULSAR", "MX5000", Usual, "Pulsar MX 5000 RT"),
        named("NOVA AVR", "500", Usual, "Nova 500 AVR"),
        named("NOVA AVR", "600", Usual, "Nova 600 AVR"),
        named("NOVA AVR", "625", Usual, "Nova 625 AVR"),
        named("NOVA AVR", "1100", Usual, "Nova 1100 AVR"),
        named("NOVA AVR", "1250", Usual, "Nova 1250 AVR"),
        named("EXtreme", "700C", Usual, "Pulsar EXtreme 700C"),
        named("EXtreme", "1000C", Usual, "Pulsar EXtreme 1000C"),
        named("EXtreme", "1500C", Usual, "Pulsar EXtreme 1500C"),
        named("EXtreme", "1500CCLA", Usual, "Pulsar EXtreme 1500C CLA"),
        named("EXtreme", "2200C", Usual, "Pulsar EXtreme 2200C"),
        named("EXtreme", "3200C", Usual, "Pulsar EXtreme 3200C"),
        named("EX", "700RT", Usual, "Pulsar EX 700 RT"),
        named("EX", "1000RT", Usual, "Pulsar EX 1000 RT"),
        named("EX", "1500RT", Usual, "Pulsar EX 1500 RT"),
        named("EX", "2200RT", Usual, "Pulsar EX 2200 RT"),
        named("EX", "3200RT", Usual, "Pulsar EX 3200 RT"),
        named("EX", "5RT31", Usual, "EX 5 RT 3:1"),
        named("EX", "7RT31", Usual, "EX 7 RT 3:1"),
        named("EX", "11RT31", Usual, "EX 11 RT 3:1"),
        named("EX", "5RT", Usual, "EX 5 RT"),
        named("EX", "7RT", Usual, "EX 7 RT"),
        named("EX", "11RT", Usual, "EX 11 RT"),
        named("GALAXY", "3000_10", Usual, "Galaxy 3000 10 kVA"),
        named("GALAXY", "3000_15", Usual, "Galaxy 3000 15 kVA"),
        named("GALAXY", "3000_20", Usual, "Galaxy 3000 20 kVA"),
        named("GALAXY", "3000_30", Usual, "Galaxy 3000 30 kVA"),
    ]
};

/// Product strings whose every model measures its battery, and what precedes the model in its name: `None` is the
/// product string and a blank.
static MEASURING: &[(&str, Option<&str>)] = &[
    ("Eaton 5P", None),
    ("Eaton 5PX", None),
    ("Eaton 5SC", None),
    ("Eaton 9E", Some("9E")),
    ("Eaton 9SX", Some("9SX")),
    ("Eaton 9PX", Some("9px")),
];
/// Of the families named in one word, the models that are: those of one word too, beginning with their rating.
const JOINED: fn(&str) -> bool =
    |model| model.starts_with(|first: char| first.is_ascii_digit()) && !model.contains(' ');

/// What PS.Country is in Europe.
const EUROPE: f64 = 0.0;

/// The string that tells the model: its own, or else the rated power.
pub(super) fn member(look: &mut Look<'_>) -> Option<String> {
    look.text("PS.iModel").or_else(|| {
        let power = look.number("Flow.[4].ConfigApparentPower")?;
        Some(format!("{}", power as i64))
    })
}

/// The name of a model as clients know it.
pub(super) fn name(product: &str, member: &str) -> String {
    let known = find(product, member).and_then(|known| known.3);
    if let Some(known) = known {
        return known.to_owned();
    }
    let mut joined = MEASURING.iter().filter(|_| JOINED(member));
    match joined.find(|(family, _)| *family == product) {
        Some((_, Some(short))) => format!("{short}{member}"),
        _ => format!("{product} {member}"),
    }
}

fn find(product: &str, member: &str) -> Option<&'static Model> {
    let mut models = MODELS.iter();
    models.find(|known| (known.0, known.1) == (product, member))
}

fn family(look: &mut Look<'_>) -> Family {
    let product = look.identity().product.clone().unwrap_or_default();
    // The strings stand still, so that they are looked at once.
    let found = look.learned("family", |look| {
        let member = member(look)?;
        let known = find(&product, &member).map(|known| known.2);
        let measuring = || MEASURING.iter().any(|(family, _)| *family == product);
        let family = known.unwrap_or_else(|| match measuring() {
            true => Family::Measuring,
            false => Family::Usual,
        });
        Some(f64::from(family as u8))
    });
    let families = [
        Family::Offline,
        Family::Pegasus,
        Family::ThreeS,
        Family::Evolution650,
        Family::Measuring,
    ];
    let mut families = families.into_iter();
    families
        .find(|family| found == Some(f64::from(*family as u8)))
        .unwrap_or(Family::Usual)
}

/// Its battery voltage is a measurement.
pub(super) fn battery_is_measured(look: &mut Look<'_>) -> bool {
    matches!(family(look), Family::Measuring | Family::Evolution650)
}

/// It has 12 V where it says 24.
pub(super) fn is_evolution_650(look: &mut Look<'_>) -> bool {
    family(look) == Family::Evolution650
}

/// It passes the mains through.
pub(super) fn is_offline(look: &mut Look<'_>) -> bool {
    matches!(
        family(look),
        Family::Offline | Family::Pegasus | Family::ThreeS
    )
}

/// Its first outlet may switch the others.
pub(super) fn switches_by_load(look: &mut Look<'_>) -> bool {
    match family(look) {
        Family::Pegasus => true,
        Family::ThreeS => look.number("PS.Country") != Some(EUROPE),
        _ => false,
    }
}
