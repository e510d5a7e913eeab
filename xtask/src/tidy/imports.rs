//! Which file of a crate imports which: `use` declarations and paths, led through re-exports to where a thing is defined.
//!
//! A facade that re-exports what its modules define imports nothing by that, nor does a module that declares another. Tests
//! are left out, for they may look at anything.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// A module's path within its crate; the crate's root has none.
pub type Module = Vec<String>;

/// What one file says of others.
#[derive(Default)]
struct Spoken {
    /// Paths that it uses, from the crate's root.
    used: Vec<Module>,
    /// What it re-exports: the path under which it is known, and that of its origin.
    exported: Vec<(Module, Module)>,
}

/// The files of a crate by their modules, with the modules that each imports from.
pub fn imports(files: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let spoken: BTreeMap<&Module, Spoken> =
        files.iter().map(|(module, text)| (module, read(module, text, files))).collect();
    let exports: BTreeMap<&Module, &Module> =
        spoken.values().flat_map(|spoken| &spoken.exported).map(|(name, origin)| (name, origin)).collect();
    let of = |(module, spoken): (&&Module, &Spoken)| {
        let homes = spoken.used.iter().map(|path| home(path, files, &exports)).filter(|home| home != *module);
        ((*module).clone(), homes.collect())
    };
    spoken.iter().map(of).collect()
}

/// Groups of modules that import each other, directly or by way of others.
pub fn circles(imports: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<BTreeSet<Module>> {
    let reach: BTreeMap<&Module, BTreeSet<&Module>> =
        imports.keys().map(|from| (from, reachable(from, imports))).collect();
    let reaches = |from: &Module, to: &Module| reach.get(from).is_some_and(|known| known.contains(to));
    let circle = |module: &Module| -> BTreeSet<Module> {
        imports.keys().filter(|other| reaches(module, other) && reaches(other, module)).cloned().collect()
    };
    imports.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

fn reachable<'g>(from: &Module, imports: &'g BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<&'g Module> {
    let mut known = BTreeSet::new();
    let mut next: Vec<&Module> = imports.get(from).into_iter().flatten().collect();
    while let Some(module) = next.pop() {
        if known.insert(module) {
            next.extend(imports.get(module).into_iter().flatten());
        }
    }
    known
}

/// The module in which what this path names is defined.
fn home(path: &Module, files: &BTreeMap<Module, String>, exports: &BTreeMap<&Module, &Module>) -> Module {
    let mut path = path.clone();
    // A name may be passed on from facade to facade.
    for _ in 0..8 {
        let known = (1..=path.len()).rev().map(|length| path.split_at(length));
        let passed = known.filter(|(front, _)| !files.contains_key(*front)).find_map(|(front, rest)| {
            let origin = exports.get(&front.to_vec())?;
            Some([origin.as_slice(), rest].concat())
        });
        match passed {
            Some(origin) => path = origin,
            None => break,
        }
    }
    while !files.contains_key(&path) && path.pop().is_some() {}
    path
}

fn read(module: &Module, text: &str, files: &BTreeMap<Module, String>) -> Spoken {
    let mut reader = Reader { module: module.clone(), files, spoken: Spoken::default() };
    reader.visit_file(&syn::parse_file(text).unwrap_or_else(|error| panic!("{module:?} can't be read: {error}")));
    reader.spoken
}

/// Goes through a file; `module` is where it is just now, which may be a module within the file.
struct Reader<'f> {
    module: Module,
    files: &'f BTreeMap<Module, String>,
    spoken: Spoken,
}

impl Reader<'_> {
    /// The path from the crate's root; none for what is of another crate.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([self.module.as_slice(), rest].concat()),
            "super" => {
                let ups = path.iter().take_while(|segment| *segment == "super").count();
                let base = self.module.get(..self.module.len().checked_sub(ups)?)?;
                Some([base, path.get(ups..)?].concat())
            }
            _ => {
                let local = [self.module.as_slice(), path].concat();
                (1..=path.len())
                    .any(|length| self.files.contains_key(&local[..self.module.len() + length]))
                    .then_some(local)
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => &[],
        };
        if !attributes.iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_private = matches!(item.vis, Visibility::Inherited);
        for (path, name) in leaves(&item.tree, &[]) {
            let Some(path) = self.absolute(&path) else { continue };
            match is_private {
                true => self.spoken.used.push(path),
                false => self.spoken.exported.push(([self.module.as_slice(), &[name]].concat(), path)),
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let leads = segments.len() > 1 && ["crate", "self", "super"].contains(&segments[0].as_str());
        self.spoken.used.extend(leads.then(|| self.absolute(&segments)).flatten());
        visit::visit_path(self, path);
    }
}

/// Each path of a `use`, and the name under which it is known.
fn leaves(tree: &UseTree, before: &[String]) -> Vec<(Module, String)> {
    let then = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
    match tree {
        UseTree::Path(path) => leaves(&path.tree, &then(&path.ident)),
        UseTree::Group(group) => group.items.iter().flat_map(|tree| leaves(tree, before)).collect(),
        // `use module::{self, …}`.
        UseTree::Name(name) if name.ident == "self" => {
            before.last().map(|last| (before.to_vec(), last.clone())).into_iter().collect()
        }
        UseTree::Name(name) => vec![(then(&name.ident), name.ident.to_string())],
        UseTree::Rename(renamed) => vec![(then(&renamed.ident), renamed.rename.to_string())],
        UseTree::Glob(_) => vec![(before.to_vec(), "*".to_owned())],
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let list = attribute.path().is_ident("cfg").then(|| attribute.meta.require_list().ok()).flatten();
    list.is_some_and(|list| list.tokens.to_string() == "test")
}

#[test]
fn a_circle_is_found_through_facades_and_not_through_declarations() {
    let module =
        |path: &str| -> Module { path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect() };
    let files: BTreeMap<Module, String> = [
        ("", "mod a; mod b; mod c; mod d; pub use a::{A, Renamed as Other}; pub use d::inner::Deep;"),
        ("a", "use crate::b::B; use std::fmt; pub struct A; pub struct Renamed;"),
        ("b", "use crate::c; #[cfg(test)] mod tests { use crate::d::D; } pub struct B;"),
        ("c", "pub fn c(_: crate::Other) {}"),
        ("d", "mod inner; pub struct D; use crate::A;"),
        ("d/inner", "pub struct Deep; #[cfg(test)] use super::D;"),
    ]
    .map(|(path, text)| (module(path), text.to_owned()))
    .into();
    let imports = imports(&files);
    assert_eq!(imports[&module("d")], BTreeSet::from([module("a")]));
    assert!(imports[&module("")].is_empty() && imports[&module("d/inner")].is_empty());
    assert_eq!(circles(&imports), BTreeSet::from([BTreeSet::from(["a", "b", "c"].map(module))]));
}
