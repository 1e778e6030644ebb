//! The plugins that are part of this program, as `build.rs` found them in HUSK_BUNDLE_DIR.
//!
//! Refuses to know anything about them.

use husk_server::Bundled;

include!(concat!(env!("OUT_DIR"), "/bundle.rs"));

#[cfg(test)]
mod tests {
    use super::BUNDLED;
    use husk_engine::{About, Compiler, Sandbox};

    /// The lines beside the code are all that is known of a plugin until its first device is opened.
    #[tokio::test]
    async fn each_plugin_is_what_the_program_says_it_is() {
        if BUNDLED.is_empty() {
            eprintln!("SKIPPED: this program was built without HUSK_BUNDLE_DIR");
            return;
        }
        let sandbox = Sandbox::new().unwrap();
        let none = Compiler {
            program: "/nonexistent".into(),
            cache_dir: None,
        };
        for bundled in BUNDLED {
            let plugin = sandbox.load_bundled(bundled, &none).await.unwrap();
            assert_eq!(
                About::read(bundled.about),
                Ok(plugin.about()),
                "{}",
                bundled.name
            );
        }
        let claims = BUNDLED
            .iter()
            .map(|bundled| bundled.about.matches("\nclaim ").count());
        assert!(
            claims.sum::<usize>() > 100,
            "USB devices are known without loading their driver"
        );
    }
}
