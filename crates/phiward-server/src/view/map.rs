//! stub
#[derive(Debug)] pub struct EphiMapStub;
