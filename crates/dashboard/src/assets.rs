//! Style sheets, scripts and fonts: in the binary, under names that carry their content's hash, so that a browser may
//! keep them for ever. A debug build reads them from the source tree instead, so that an edit shows on reload.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use moltforge_types::ContentHash;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// One file as it is served.
struct Asset {
    url: String,
    content_type: String,
    bytes: Cow<'static, [u8]>,
}

/// Every asset, by its name and by its address.
#[derive(Default)]
pub(crate) struct Catalogue {
    by_name: BTreeMap<String, Arc<Asset>>,
    by_url: BTreeMap<String, Arc<Asset>>,
}

impl Catalogue {
    fn load() -> Self {
        let mut catalogue = Self::default();
        // fonts and icons first: style sheets name them and need their final address
        let (styles, others): (Vec<Cow<'static, str>>, Vec<_>) = Files::iter().partition(|name| name.ends_with(".css"));
        for name in others.into_iter().chain(styles) {
            if let Some(file) = Files::get(&name) {
                let content_type = file.metadata.mimetype().to_owned();
                catalogue.add(&name, content_type, file.data);
            }
        }
        catalogue
    }

    fn add(&mut self, name: &str, content_type: String, bytes: Cow<'static, [u8]>) {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let bytes = if extension == "css" { self.with_addresses(&bytes) } else { bytes };
        let hash = ContentHash::of(&bytes).to_string();
        let url = format!("/assets/{stem}.{}.{extension}", &hash[..12]);
        let asset = Arc::new(Asset { url: url.clone(), content_type, bytes });
        self.by_name.insert(name.to_owned(), asset.clone());
        self.by_url.insert(url, asset);
    }

    /// `url(name)` in a style sheet becomes the hashed address.
    fn with_addresses(&self, css: &[u8]) -> Cow<'static, [u8]> {
        let mut css = String::from_utf8_lossy(css).into_owned();
        for (name, asset) in &self.by_name {
            css = css.replace(&format!("url({name})"), &format!("url({})", asset.url));
        }
        Cow::Owned(css.into_bytes())
    }
}

impl Catalogue {
    /// The address of an asset by its name in `assets/`. An unknown name gives an address that answers 404.
    pub(crate) fn url(&self, name: &str) -> String {
        self.by_name.get(name).map_or_else(|| format!("/assets/{name}"), |asset| asset.url.clone())
    }
}

/// All assets; read again at each call of a debug build, so ask once per page.
pub(crate) fn catalogue() -> Arc<Catalogue> {
    static CATALOGUE: OnceLock<Arc<Catalogue>> = OnceLock::new();
    if cfg!(debug_assertions) {
        return Arc::new(Catalogue::load());
    }
    CATALOGUE.get_or_init(|| Arc::new(Catalogue::load())).clone()
}

/// `GET /assets/{file}`
pub(crate) async fn serve(Path(file): Path<String>) -> Response {
    let Some(asset) = catalogue().by_url.get(&format!("/assets/{file}")).cloned() else {
        return (StatusCode::NOT_FOUND, "no such asset").into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type.clone()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
    ];
    (headers, asset.bytes.clone().into_owned()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_carries_its_hash() {
        for name in ["base.css", "live.js", "theme.js", "icon.svg", "vendor/instrument-sans.woff2"] {
            let catalogue = catalogue();
            let url = catalogue.url(name);
            assert!(catalogue.by_url.contains_key(&url), "{name}: {url}");
            assert_ne!(url, format!("/assets/{name}"));
        }
    }

    #[test]
    fn style_sheets_name_only_what_is_served() {
        let catalogue = catalogue();
        for (name, asset) in catalogue.by_name.iter().filter(|(_, asset)| asset.content_type == "text/css") {
            let css = String::from_utf8_lossy(&asset.bytes).into_owned();
            for part in css.split("url(").skip(1) {
                let address = part.split(')').next().unwrap_or_default();
                assert!(catalogue.by_url.contains_key(address), "{name}: {address}");
            }
            assert!(!css.contains("@import") && !css.contains("http"), "{name} loads from elsewhere");
        }
    }

    #[test]
    fn files_from_elsewhere_are_unchanged() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/vendor");
        let list: toml::Table = std::fs::read_to_string(folder.join("VENDOR.toml")).unwrap().parse().unwrap();
        let listed = list["file"].as_array().unwrap();
        let mut names = vec!["VENDOR.toml".to_owned()];
        for file in listed {
            let text = |key: &str| file[key].as_str().unwrap().to_owned();
            let bytes = std::fs::read(folder.join(text("name"))).unwrap();
            assert_eq!(ContentHash::of(&bytes).to_string(), text("sha256"), "{}", text("name"));
            names.extend([text("name"), text("licence_file")]);
        }
        for entry in std::fs::read_dir(&folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(names.contains(&name), "{name} is not listed in VENDOR.toml");
        }
    }
}
