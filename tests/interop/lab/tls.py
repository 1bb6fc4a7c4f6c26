"""A certificate authority of the lab, the certificates it makes (openssl's command line, EC keys), and contexts for peers."""

import os
import ssl
import subprocess

DAYS = 30


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(arguments)}: {done.stdout}")


def _new_key(path):
    """RFC 5480's P-256: made in a millisecond."""
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    os.chmod(path, 0o600)


class Credentials:
    """A certificate with its key, as paths of PEM files."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    def put(self, directory, name="edge"):
        """Copies both to a place where somebody reads them, each in one step, the key first. Gives the copies."""
        placed = []
        for source, kind in ((self.key, "key"), (self.certificate, "pem")):
            path = os.path.join(directory, f"{name}.{kind}")
            with open(source, "rb") as file, open(path + ".new", "wb") as copy:
                os.fchmod(copy.fileno(), 0o600)
                copy.write(file.read())
            os.replace(path + ".new", path)
            placed.append(path)
        return Credentials(placed[1], placed[0])


class Authority:
    """`certificate` is its own; everything is made in `directory`."""

    def __init__(self, directory, name="ca"):
        os.makedirs(directory, exist_ok=True)
        self.directory, self.name = directory, name
        self.certificate, self._key = self._path(f"{name}.pem"), self._path(f"{name}.key")
        _new_key(self._key)
        _openssl("req", "-x509", "-new", "-key", self._key, "-out", self.certificate, "-days", str(DAYS), "-sha256",
                 "-subj", f"/CN=Usher lab {name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def _path(self, file):
        return os.path.join(self.directory, file)

    def issue(self, name, *subjects, days=DAYS, usage="serverAuth,clientAuth"):
        """Credentials for these host names and addresses; with negative `days` they have expired."""
        stem = f"{self.name}-{name}"
        key, request, certificate = (self._path(f"{stem}.{kind}") for kind in ("key", "csr", "pem"))
        extensions = self._path(f"{stem}.ext")
        names = ",".join(("IP:" if _is_address(s) else "DNS:") + s for s in subjects)
        with open(extensions, "w") as file:
            file.write("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                       f"extendedKeyUsage={usage}\n" + (f"subjectAltName={names}\n" if names else ""))
        _new_key(key)
        _openssl("req", "-new", "-key", key, "-out", request, "-subj", f"/CN={name}")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
                 "-out", certificate, "-days", str(days), "-sha256", "-extfile", extensions)
        return Credentials(certificate, key)


def _is_address(subject):
    return ":" in subject or subject.replace(".", "").isdigit()


def der_of(certificate):
    """The first certificate of a PEM file, as a peer sees it."""
    with open(certificate) as file:
        text = file.read()
    begin, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
    return ssl.PEM_cert_to_DER_cert(text[begin:end] + "\n")


def client_context(ca=None, credentials=None):
    """Holds the server's certificate and name against `ca`; without one it takes whatever comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        context.load_verify_locations(ca)
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if credentials:
        context.load_cert_chain(credentials.certificate, credentials.key)
    return context


def server_context(credentials, client_ca=None):
    """With `client_ca` a client must present a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials.certificate, credentials.key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
