//! Compiles the .proto files with protox: no protoc is needed on the machine.

use std::path::PathBuf;

use prost::Message as _;

const FILES: &[&str] = &[
    "signalbox/config/v1/config_service.proto",
    "signalbox/discovery/v1/discovery.proto",
    "signalbox/fleet/v1/fleet.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo::rerun-if-changed={}", root.join("signalbox").display());

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_source_info(true).include_imports(true).open_files(FILES)?;
    let descriptors = compiler.file_descriptor_set();
    let encoded = descriptors.encode_to_vec();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptor.bin"), &encoded)?;

    tonic_prost_build::configure()
        .build_server(true)
        .build_client(true)
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .extern_path(".google.protobuf.Struct", "crate::wire::dynamic::Struct")
        .btree_map(".")
        .bytes(".signalbox.discovery.v1.KeyCredential.digest")
        .compile_fds(descriptors)?;
    // Serde implementations of the proto3 JSON form, which manifests and `-o json` use.
    pbjson_build::Builder::new().register_descriptors(&encoded)?.btree_map(["."]).build(&[".signalbox"])?;
    Ok(())
}
