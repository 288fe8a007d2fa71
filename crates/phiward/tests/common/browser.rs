//! A page in a real Chromium.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use headless_chrome::protocol::cdp::Emulation::{
    MediaFeature, SetDeviceMetricsOverride, SetEmulatedMedia, SetScriptExecutionDisabled,
};
use headless_chrome::protocol::cdp::Page::CaptureScreenshotFormatOption;
use headless_chrome::{Browser, LaunchOptions, Tab};

/// Chromium and one tab.
pub struct Page {
    pub tab: Arc<Tab>,
    _browser: Browser,
    _profile: tempfile::TempDir,
}

impl Page {
    /// Starts Chromium with a profile of its own.
    pub fn open(url: &str) -> Self {
        let program =
            std::env::var_os("PHIWARD_TEST_CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
        assert!(program.is_file(), "these tests need Chromium at {}", program.display());
        let profile = tempfile::tempdir().expect("a folder");
        let args = [
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ];
        let options = LaunchOptions::default_builder()
            .path(Some(program))
            .sandbox(false)
            .headless(true)
            .window_size(Some((1280, 900)))
            .user_data_dir(Some(profile.path().to_path_buf()))
            .idle_browser_timeout(Duration::from_secs(120))
            .args(args.iter().map(OsStr::new).collect())
            .build()
            .expect("options");
        let browser = Browser::new(options).expect("Chromium starts");
        let tab = browser.new_tab().expect("a tab");
        tab.set_default_timeout(Duration::from_secs(20));
        let page = Page { tab, _browser: browser, _profile: profile };
        page.go(url);
        page
    }

    pub fn go(&self, url: &str) {
        self.tab.navigate_to(url).expect("goes").wait_until_navigated().expect("loads");
    }

    /// Value of an expression in the page.
    pub fn eval(&self, expression: &str) -> serde_json::Value {
        self.tab.evaluate(expression, false).expect("evaluates").value.unwrap_or(serde_json::Value::Null)
    }

    /// Text that a reader sees.
    pub fn text(&self) -> String {
        self.eval("document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Width in CSS pixels, and light or dark.
    pub fn look(&self, width: u32, height: u32, dark: bool) {
        let metrics = SetDeviceMetricsOverride {
            width,
            height,
            device_scale_factor: 1.0,
            mobile: width < 600,
            scale: None,
            screen_width: None,
            screen_height: None,
            position_x: None,
            position_y: None,
            dont_set_visible_size: None,
            screen_orientation: None,
            viewport: None,
            display_feature: None,
            device_posture: None,
        };
        self.tab.call_method(metrics).expect("size set");
        let scheme = if dark { "dark" } else { "light" };
        let feature = MediaFeature { name: "prefers-color-scheme".to_owned(), value: scheme.to_owned() };
        self.tab.call_method(SetEmulatedMedia { media: None, features: Some(vec![feature]) }).expect("theme set");
    }

    pub fn without_script(&self) {
        self.tab.call_method(SetScriptExecutionDisabled { value: true }).expect("scripts off");
    }

    /// PNG of what is in view.
    pub fn picture(&self) -> Vec<u8> {
        self.tab.capture_screenshot(CaptureScreenshotFormatOption::Png, None, None, true).expect("a picture")
    }
}
