"""An authority of the collection's own and what it certifies, so that healthy set-ups have TLS that is accepted."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """`file` is what a process trusts by SSL_CERT_FILE."""

    def __init__(self, folder):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the collection")])
        now = datetime.now(UTC)
        builder = _builder(self._name, self._name, self._key, now - 400 * DAY, now + 400 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False)
        self.file = folder / "authority.pem"
        self.file.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))

    def certificate(self, host, *, ends_in=30 * DAY, self_signed=False):
        """The file with key and certificate for `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        end = datetime.now(UTC) + ends_in
        issuer, by = (name, key) if self_signed else (self._name, self._key)
        builder = _builder(name, issuer, key, end - 60 * DAY, end)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
        certificate = builder.add_extension(identifier, critical=False).sign(by, hashes.SHA256())
        plain = serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        file = self._folder / f"{host}-{certificate.serial_number:x}.pem"
        file.write_bytes(pem + _pem(certificate))
        return file


def _builder(subject, issuer, key, begin, end):
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _usage():
    off = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
        + ("key_agreement", "encipher_only", "decipher_only"),
        False,
    )
    return x509.KeyUsage(key_cert_sign=True, crl_sign=True, **off)


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)
