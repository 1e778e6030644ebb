//! The tables against the names in use: those of RFC 9271 and NUT's document of record, written as they are on the
//! wire, and those real devices published (when the collection of dumps lies beside the repository).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use husk_names::{command, status, variable};

/// `a.{b,c}` stands for `a.b` and `a.c`; an empty alternative drops the dot before it.
fn expand(pattern: &str) -> Vec<String> {
    let Some((head, rest)) = pattern.split_once(".{") else {
        return vec![pattern.to_owned()];
    };
    let (inner, tail) = rest.split_once('}').expect("a closing brace");
    let joined = |part: &str| {
        if part.is_empty() {
            format!("{head}{tail}")
        } else {
            format!("{head}.{part}{tail}")
        }
    };
    inner
        .split(',')
        .flat_map(|part| expand(&joined(part)))
        .collect()
}

#[test]
fn the_variables_of_the_record_are_known() {
    let record = "
        device.{model,mfr,serial,type,description,contact,location,part,macaddr,uptime,count,usb.version}
        ups.{status,alarm,time,date,mfr.date,firmware,firmware.aux,serial,id,test.result,test.date,display.language}
        ups.{contacts,type,model,mfr,vendorid,productid,temperature,load,load.high,efficiency,mode,shutdown}
        ups.{delay.start,delay.reboot,delay.shutdown,timer.start,timer.reboot,timer.shutdown,test.interval}
        ups.{power,realpower}.{,nominal} ups.{beeper,watchdog}.status ups.start.{auto,battery,reboot}
        input.{,bypass,servicebypass,L1-N,bypass.L2-L3}.voltage.{,maximum,minimum,nominal,status}
        input.{voltage,current}.{low,high}.{warning,critical} input.{voltage,frequency}.extended
        input.{,L1,L2,L3,N}.current.{,maximum,minimum,nominal,peak,status}
        input.frequency.{,nominal,low,high,status}
        input.transfer.{low,high}.{,min,max} input.transfer.{boost,trim,eco,bypass}.{low,high}
        input.transfer.{hysteresis,delay,reason} input.transfer.frequency.{bypass,eco}.range
        input.transfer.bypass.{forced,overload,outlimits} input.bypass.{switchable,switch.on,switch.off}
        input.{quality,sensitivity,eco.switchable,load,realpower,realpower.nominal,power,source,source.preferred}
        input.{phase.shift,phases,feed.color,feed.desc}
        output.{voltage,frequency,current}.{,nominal} output.{inverter.latency,phases}
        output.{,L1-L2,L2-L3,L3-L1,L1-N,bypass.L1-N,inverter.L2-N}.voltage.{,maximum,minimum,status}
        output.{voltage,current}.{low,high}.{warning,critical}
        input.{,L1}.{alarm,power,realpower,powerfactor,crestfactor,load}
        output.{,L1}.{alarm,power,realpower,powerfactor,crestfactor,load}
        output.{,L1,L2,L3}.power.{,maximum,minimum,percent,maximum.percent,minimum.percent}
        battery.charge.{,low,restart,warning,approx} battery.charger.{status,type}
        battery.{status,type,date,date.maintenance,mfr.date,alarm.threshold,protection,capacity,capacity.nominal}
        battery.voltage.{,nominal,low,high,cell.max,cell.min} battery.temperature.{,cell.max,cell.min}
        battery.current.{,total} battery.runtime.{,low,restart} battery.packs.{,bad,external}
        battery.energysave.{,load,realpower,delay}
        ambient.count ambient.{,1}.{name,id,address,parent.serial,mfr,model,firmware,present}
        ambient.{,1}.{temperature,humidity}.{,high,high.warning,high.critical,low,low.warning,low.critical}
        ambient.{,1}.{temperature,humidity}.{maximum,minimum,alarm,status}
        ambient.{,1}.contacts.2.{status,config,name}
        outlet.{count,group.count} outlet.{,1,group.1}.{id,name,desc,groupid,switch,status,protect.status,alarm}
        outlet.{,1,group.1}.{switchable,ecocontrol,designator,autoswitch.charge.low,battery.charge.low,type}
        outlet.{,1,group.1}.{delay,timer}.{shutdown,start} outlet.group.1.{color,phase,input,count}
        outlet.{,1,group.1}.{current,voltage}.{,status,low.warning,low.critical,high.warning,high.critical}
        outlet.{,1,group.1}.{current.maximum,realpower,power,powerfactor,crestfactor}
        driver.{name,version,version.internal,version.data,version.usb,state,debug,flag.allow_killpower}
        driver.{reconnect_count,reconnect_max_tries,parameter.port,parameter.pollinterval,parameter.synchronous}
        server.{info,version} experimental.ups.mode.buzzwords";
    let unknown: Vec<String> = record
        .split_whitespace()
        .flat_map(expand)
        .filter(|name| variable(name).is_none())
        .collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn the_commands_and_words_of_the_record_are_known() {
    let record = "
        load.{off,on}.{,delay} shutdown.{default,return,stayoff,stop,reboot,reboot.graceful}
        test.{panel,failure}.{start,stop} test.battery.start.{,quick,low,deep} test.battery.stop test.system.start
        calibrate.{start,stop} bypass.{start,stop} reset.{input.minmax,watchdog}
        beeper.{enable,disable,mute,toggle,on,off} clear.fault.record
        outlet.{1,group.1}.load.{off,on,cycle} outlet.{1,group.1}.shutdown.return
        driver.{killpower,reload,reload-or-exit,reload-or-error,exit}
        experimental.{ecomode,bypass.ecomode,essmode,test.beeper}.{start,stop}";
    for name in record.split_whitespace().flat_map(expand) {
        assert!(command(&name).is_some(), "{name}");
    }
    for word in "OL OB LB HB RB CHRG DISCHRG BYPASS CAL OFF OVER TRIM BOOST FSD ALARM ECO WAIT TEST"
        .split(' ')
    {
        assert!(status(word).is_some(), "{word}");
    }
}

/// Nine in ten of the names real devices published must be known; the rest are drivers' inventions.
#[test]
fn most_names_of_real_devices_are_known() {
    let dumps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/devices/nut-ddl");
    let mut names = BTreeMap::new();
    match collect(&dumps, &mut names) {
        Err(error) => return println!("no device dumps here ({error}), nothing compared"),
        Ok(()) => assert!(!names.is_empty()),
    }
    let uses = |known: bool| {
        names
            .iter()
            .filter(move |(name, _)| variable(name).is_some() == known)
    };
    let unknown: usize = uses(false).map(|(_, count)| count).sum();
    let known: usize = uses(true).map(|(_, count)| count).sum();
    println!(
        "{} names known, {} not; by use {known} and {unknown}:",
        uses(true).count(),
        uses(false).count()
    );
    uses(false).for_each(|(name, count)| println!("  {name} ({count})"));
    assert!(known > 9 * unknown);
}

/// Counts the names in all `.dev` files below `folder`; a driver's own settings are not names of the standard.
fn collect(folder: &Path, names: &mut BTreeMap<String, usize>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, names)?;
        } else if path.extension().is_some_and(|end| end == "dev") {
            let text = fs::read(&path)?;
            for line in String::from_utf8_lossy(&text)
                .lines()
                .filter(|line| !line.starts_with('#'))
            {
                let name = line.split_once(':').map_or("", |(name, _)| name.trim());
                let own = name.starts_with("driver.parameter.") || name.starts_with("driver.flag.");
                if name.contains('.') && !name.contains(' ') && !own {
                    *names.entry(name.to_owned()).or_default() += 1;
                }
            }
        }
    }
    Ok(())
}
