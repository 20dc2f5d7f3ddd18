use tempfile::NamedTempFile;

use super::*;

fn file(contents: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), contents).expect("it can be written");
    file
}

fn certified() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["me".to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn with_ca(path: &Path) -> ConnectOptions {
    ConnectOptions {
        ca_file: Some(path.to_owned()),
        ..ConnectOptions::default()
    }
}

fn with_identity(certificate: &Path, key: &Path) -> ConnectOptions {
    ConnectOptions {
        identity: Some(Identity {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        }),
        ..ConnectOptions::default()
    }
}

#[track_caller]
fn assert_refused(options: &ConnectOptions, flag: &str, path: &Path, what: &str) {
    let error = Credentials::read(options).expect_err(what).to_string();
    let expected = format!("{flag}: {} {what}", path.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn files_are_read() {
    let (certificate, key) = certified();
    let (certificates, key) = (file(&certificate.repeat(2)), file(&key));
    let read = Credentials::read(&with_ca(certificates.path())).expect("a good file");
    assert_eq!(read.authorities.len(), 2);
    let options = with_identity(certificates.path(), key.path());
    let read = Credentials::read(&options).expect("good files");
    assert_eq!(read.identity.expect("it was given").0.len(), 2);
}

#[test]
fn a_file_that_is_no_good_is_named_with_its_flag() {
    let (certificate, key) = certified();
    let (_, another) = certified();
    let nowhere = Path::new("/nowhere/at.pem");
    let (certificate, key) = (file(&certificate), file(&key));
    let (empty, another) = (file(""), file(&another));
    let torn = file("-----BEGIN CERTIFICATE-----\nAAAA\n");
    let no_certificate = file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let (good_certificate, good_key) = (certificate.path(), key.path());

    assert_refused(&with_ca(nowhere), CA_FILE, nowhere, "can't be read: ");
    for path in [empty.path(), key.path()] {
        assert_refused(&with_ca(path), CA_FILE, path, "holds no certificate as PEM");
    }
    assert_refused(&with_ca(torn.path()), CA_FILE, torn.path(), "is not PEM: ");
    let path = no_certificate.path();
    assert_refused(&with_ca(path), CA_FILE, path, "can't be trusted: ");

    let options = with_identity(nowhere, good_key);
    assert_refused(&options, CLIENT_CERT, nowhere, "can't be read: ");
    let options = with_identity(empty.path(), good_key);
    assert_refused(&options, CLIENT_CERT, empty.path(), "holds no certificate");
    let options = with_identity(good_certificate, nowhere);
    assert_refused(&options, CLIENT_KEY, nowhere, "can't be read: ");
    let options = with_identity(good_certificate, good_certificate);
    assert_refused(
        &options,
        CLIENT_KEY,
        good_certificate,
        "holds no private key",
    );
    let options = with_identity(good_certificate, another.path());
    assert_refused(
        &options,
        CLIENT_KEY,
        another.path(),
        "doesn't fit --client-cert",
    );
}
