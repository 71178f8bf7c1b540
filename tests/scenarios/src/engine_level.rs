//! Stub.
use std::collections::BTreeMap;
use gal::Side;
use crate::level::*;
use crate::lexicon::{Address, Lexicon};
pub(crate) struct EngineLevel;
impl EngineLevel { pub(crate) fn new(_: &Lexicon) -> Result<Self, Broken> { Err(Broken("stub".into())) } }
impl Level for EngineLevel {
    fn configure(&mut self, _: &str) -> Result<(), Broken> { Ok(()) }
    fn wait(&mut self, _: u64) -> Result<(), Broken> { Ok(()) }
    fn edit(&mut self, _: &[Touch]) -> Result<(), Broken> { Ok(()) }
    fn lag(&mut self, _: Side) -> Result<(), Broken> { Ok(()) }
    fn lock(&mut self, _: bool) -> Result<(), Broken> { Ok(()) }
    fn sync(&mut self, _: &Request) -> Result<Report, Broken> { Err(Broken("stub".into())) }
    fn observe(&mut self, _: Side) -> Result<BTreeMap<Address, Shown>, Broken> { Ok(BTreeMap::new()) }
    fn links(&mut self) -> Result<BTreeMap<Address, Known>, Broken> { Ok(BTreeMap::new()) }
}
