//! TLS 1.3 between devices: raw public keys (RFC 7250) pinned both ways, no 0-RTT, no tickets.
//!
//! A transport key rotates, and a peer that was away knows no fresh one. So the raw key that is
//! sent carries its certificate: it is a `SubjectPublicKeyInfo` with an algorithm of our own,
//! whose parameters are [`Certificate::encode`]. Whoever reads it within the handshake knows which
//! device that is and that its identity vouches for the key; a stranger's ends the handshake.
//!
//! Pairing has endpoints and an ALPN of its own, with plain Ed25519 keys made for one invitation.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::principal::DeviceId;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme, crypto,
};
use zeroize::Zeroizing;

use crate::identity::{Certificate, TransportKey, is_signed};

/// The protocol between devices of a group.
pub const ALPN: &[u8] = b"hearth/1";
/// The protocol of pairing.
pub const PAIRING_ALPN: &[u8] = b"hearth-pair/1";

/// `SEQUENCE { SEQUENCE { OID 2.25.<a random number>, OCTET STRING (104)`.
const HEAD: &[u8] = &[
    0x30, 0x81, 0xa4, 0x30, 0x7f, 0x06, 0x13, 0x69, 0xcf, 0xd5, 0xc7, 0x9f, 0xde, 0xd1, 0x84, 0xab,
    0xe5, 0xfb, 0xa3, 0xa8, 0xca, 0xd4, 0xaf, 0xd2, 0xdb, 0x48, 0x04, 0x68,
];
/// `} BIT STRING (256 bits)`.
const TAIL: &[u8] = &[0x03, 0x21, 0x00];
/// An Ed25519 key as RFC 8410 has it.
const PLAIN: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// An Ed25519 secret key as RFC 8410 has it.
const SECRET: &[u8] =
    &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 4, 32];

/// The raw public key that carries `certificate`.
fn carry(certificate: &Certificate) -> Vec<u8> {
    [HEAD, &certificate.encode(), TAIL, &certificate.key].concat()
}

/// The certificate that a raw public key carries, if its identity signed it.
#[must_use]
pub fn carried(spki: &[u8]) -> Option<Certificate> {
    let rest = spki.strip_prefix(HEAD)?;
    let (certificate, rest) = rest.split_at_checked(Certificate::BYTES)?;
    Certificate::decode(certificate, rest.strip_prefix(TAIL)?.try_into().ok()?)
}

/// The plain Ed25519 key in `spki`.
fn plain(spki: &[u8]) -> Option<[u8; 32]> {
    spki.strip_prefix(PLAIN)?.try_into().ok()
}

/// Who belongs, and the highest transport key that was seen of each.
#[derive(Debug, Default)]
pub struct Roll(Mutex<BTreeMap<DeviceId, Option<Shown>>>);

/// The sequence of a transport key, and the key.
pub type Shown = (u64, [u8; 32]);

impl Roll {
    /// Those that belong from now on. What was proved meanwhile stays.
    pub fn set(&self, devices: impl IntoIterator<Item = (DeviceId, Option<Shown>)>) {
        let mut roll = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let devices = devices.into_iter();
        let devices = devices.map(|(id, kept)| (id, roll.get(&id).copied().flatten().max(kept)));
        *roll = devices.collect();
    }

    /// Whether the key of `certificate` is its device's, which belongs, and none that was replaced.
    #[must_use]
    pub fn admits(&self, certificate: &Certificate) -> bool {
        let roll = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match roll.get(&certificate.device) {
            None => false,
            Some(None) => true,
            Some(Some((sequence, key))) => {
                certificate.sequence > *sequence
                    || (certificate.sequence == *sequence && certificate.key == *key)
            }
        }
    }

    /// The highest key of a device that was proved.
    #[must_use]
    pub fn of(&self, device: DeviceId) -> Option<Shown> {
        let roll = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        roll.get(&device).copied().flatten()
    }

    /// Remembers a key that its device has proved to hold. `false` when it does not belong any
    /// more, or has shown a later one.
    pub fn proved(&self, certificate: &Certificate) -> bool {
        let is_admitted = self.admits(certificate);
        let mut roll = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = roll.get_mut(&certificate.device)
            && is_admitted
        {
            *known = Some((certificate.sequence, certificate.key));
        }
        is_admitted
    }
}

/// Whom a handshake lets pass.
enum Pass {
    /// Whoever belongs.
    Roll(Arc<Roll>),
    /// This device, if it belongs.
    One(Arc<Roll>, DeviceId),
    /// Any key, in pairing: who it is, is asked inside.
    Anyone,
    /// The plain key with this BLAKE3 hash.
    Fingerprint([u8; 32]),
}

/// Verifies raw keys of either side.
struct Pinned {
    pass: Pass,
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pinned")
    }
}

impl Pinned {
    /// The key to check the handshake with, of whom may pass.
    fn key(&self, spki: &[u8]) -> Option<[u8; 32]> {
        match &self.pass {
            Pass::Roll(roll) => {
                carried(spki).filter(|it| roll.admits(it)).map(|certificate| certificate.key)
            }
            Pass::One(roll, device) => carried(spki)
                .filter(|it| it.device == *device && roll.admits(it))
                .map(|certificate| certificate.key),
            Pass::Anyone => plain(spki),
            Pass::Fingerprint(hash) => {
                plain(spki).filter(|key| blake3::hash(key) == blake3::Hash::from(*hash))
            }
        }
    }

    fn check(&self, spki: &[u8], more: &[CertificateDer<'_>]) -> Result<(), Error> {
        let passes = more.is_empty() && self.key(spki).is_some();
        passes.then_some(()).ok_or(CertificateError::ApplicationVerificationFailure.into())
    }

    fn signed(
        &self,
        message: &[u8],
        spki: &[u8],
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = self.key(spki).filter(|_| signed.scheme == SignatureScheme::ED25519);
        let signature = <&[u8; 64]>::try_from(signed.signature()).ok();
        match (key, signature) {
            (Some(key), Some(signature)) if is_signed(DeviceId(key), message, signature) => {
                Ok(HandshakeSignatureValid::assertion())
            }
            _ => Err(CertificateError::BadSignature.into()),
        }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 alone is spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 alone is spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// A key that TLS shows and signs with.
fn certified(seed: &[u8; 32], spki: Vec<u8>) -> Result<Arc<CertifiedKey>, Error> {
    let secret = Zeroizing::new([SECRET, seed].concat());
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(secret.as_slice()));
    let key = crypto::ring::sign::any_eddsa_type(match &secret {
        PrivateKeyDer::Pkcs8(secret) => secret,
        _ => return Err(Error::General("an Ed25519 key is in PKCS #8".to_owned())),
    })?;
    Ok(Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], key)))
}

fn verifier(pass: Pass) -> (Arc<crypto::CryptoProvider>, Arc<Pinned>) {
    let provider = Arc::new(crypto::ring::default_provider());
    (provider, Arc::new(Pinned { pass }))
}

fn server(pass: Pass, own: Arc<CertifiedKey>, alpn: &[u8]) -> Result<rustls::ServerConfig, Error> {
    let (provider, pinned) = verifier(pass);
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(pinned)
        .with_cert_resolver(Arc::new(rustls::server::AlwaysResolvesServerRawPublicKeys::new(own)));
    config.alpn_protocols = vec![alpn.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(config)
}

fn client(pass: Pass, own: Arc<CertifiedKey>, alpn: &[u8]) -> Result<rustls::ClientConfig, Error> {
    let (provider, pinned) = verifier(pass);
    let keys = rustls::client::AlwaysResolvesClientRawPublicKeys::new(own);
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(pinned)
        .with_client_cert_resolver(Arc::new(keys));
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    Ok(config)
}

/// Lets in whoever belongs.
///
/// # Errors
/// What rustls says of the key, which cannot be with a key of ours.
pub fn listen(roll: Arc<Roll>, own: &TransportKey) -> Result<rustls::ServerConfig, Error> {
    server(Pass::Roll(roll), certified(own.seed(), carry(own.certificate()))?, ALPN)
}

/// Goes to `device` alone.
///
/// # Errors
/// As [`listen`].
pub fn dial(
    roll: Arc<Roll>,
    device: DeviceId,
    own: &TransportKey,
) -> Result<rustls::ClientConfig, Error> {
    let own = certified(own.seed(), carry(own.certificate()))?;
    client(Pass::One(roll, device), own, ALPN)
}

/// A key for one invitation, and its fingerprint.
pub struct PairingKey {
    seed: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl PairingKey {
    /// A fresh key; `None` when the system gives no random bytes.
    #[must_use]
    pub fn fresh() -> Option<Self> {
        let seed = crate::identity::random::<32>()?;
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        Some(Self { seed, public })
    }

    /// The BLAKE3 hash of the public key.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        *blake3::hash(&self.public).as_bytes()
    }

    fn certified(&self) -> Result<Arc<CertifiedKey>, Error> {
        certified(&self.seed, [PLAIN, &self.public].concat())
    }

    /// Lets in whoever wants to pair.
    ///
    /// # Errors
    /// As [`listen`].
    pub fn listen(&self) -> Result<rustls::ServerConfig, Error> {
        server(Pass::Anyone, self.certified()?, PAIRING_ALPN)
    }

    /// Goes to the one with that fingerprint; to anyone without, as with a typed code.
    ///
    /// # Errors
    /// As [`listen`].
    pub fn dial(&self, fingerprint: Option<[u8; 32]>) -> Result<rustls::ClientConfig, Error> {
        let pass = fingerprint.map_or(Pass::Anyone, Pass::Fingerprint);
        client(pass, self.certified()?, PAIRING_ALPN)
    }
}

impl fmt::Debug for PairingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use kernel::ledger::{DeviceKey, Signer};

    use super::*;

    #[test]
    fn a_raw_key_carries_its_certificate_and_no_other() {
        let key = TransportKey::fresh(&DeviceKey::from_seed(&[1; 32]), 3).unwrap();
        let spki = carry(key.certificate());
        assert_eq!(spki.len(), 3 + spki[2] as usize);
        assert_eq!(carried(&spki), Some(*key.certificate()));
        for at in 0..spki.len() {
            let mut bad = spki.clone();
            bad[at] ^= 1;
            assert_eq!(carried(&bad), None, "a flip at {at} passed");
            assert_eq!(carried(&spki[..at]), None);
        }
    }

    #[test]
    fn the_higher_sequence_holds_and_a_second_key_of_the_same_does_not() {
        let signer = DeviceKey::from_seed(&[1; 32]);
        let roll = Roll::default();
        let key = |sequence| TransportKey::fresh(&signer, sequence).unwrap();
        let (old, new, twin) = (key(3), key(4), key(4));
        assert!(!roll.admits(old.certificate()), "a stranger passed");
        roll.set([(signer.id(), None)]);
        assert!(roll.proved(old.certificate()));
        assert!(roll.proved(new.certificate()));
        assert!(roll.admits(new.certificate()));
        assert!(!roll.admits(old.certificate()), "a replaced key passed");
        assert!(!roll.admits(twin.certificate()), "two keys passed as one");
        roll.set([]);
        assert!(!roll.proved(new.certificate()), "a removed device passed");
    }
}
