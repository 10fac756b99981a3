# SPDX-License-Identifier: Apache-2.0
"""An EST server (RFC 7030): TLS and HTTP by Python, certificates and PKCS #7
by openssl. It does what it should until it is told otherwise."""

import base64
import collections
import dataclasses
import http.server
import ipaddress
import ssl
import subprocess
import threading

from cryptography import x509

CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
LEAF = "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\n"
IDS = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
USER, PASSWORD = "gw1", "open sesame"


class Ca:
    """Certificates in a folder, each with its key beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.serial = 1000

    def openssl(self, *arguments, input=None):
        return subprocess.run(
            ["openssl", *map(str, arguments)], cwd=self.folder, input=input,
            check=True, capture_output=True).stdout

    def key(self, name):
        if not (self.folder / f"{name}.key").exists():
            self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                         "ec_paramgen_curve:P-256", "-out", f"{name}.key")
            (self.folder / f"{name}.key").chmod(0o600)

    def root(self, name, subject=None, days=3650):
        self.key(name)
        (self.folder / "ext").write_text(CA + "subjectKeyIdentifier=hash\n")
        self.openssl("req", "-new", "-key", f"{name}.key", "-subj",
                     f"/CN={subject or name}", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-signkey",
                     f"{name}.key", "-days", days, "-extfile", "ext", "-out",
                     f"{name}.pem")
        return self.folder / f"{name}.pem"

    def issue(self, name, issuer, extensions, key=None, subject=None,
              days=90):
        """A certificate for the key of that name, or for another's."""
        key = key or name
        self.key(key)
        self.openssl("req", "-new", "-key", f"{key}.key", "-subj",
                     f"/CN={subject or name}", "-out", f"{name}.csr")
        return self.sign((self.folder / f"{name}.csr").read_bytes(), issuer,
                         extensions, name, days)

    def sign(self, request, issuer, extensions, name, days=90):
        """One for a request, whatever that asks for."""
        self.serial += 1
        (self.folder / "ext").write_text(extensions + IDS)
        self.openssl("x509", "-req", "-CA", f"{issuer}.pem", "-CAkey",
                     f"{issuer}.key", "-days", days, "-extfile", "ext",
                     "-set_serial", self.serial, "-out", f"{name}.pem",
                     input=request)
        return self.folder / f"{name}.pem"

    def bundle(self, *names):
        """Base64 of a certs-only message, in lines."""
        pem = b"".join((self.folder / f"{name}.pem").read_bytes()
                       for name in names)
        return base64.encodebytes(self.openssl(
            "crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", "-outform",
            "DER", input=pem))


@dataclasses.dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    type: str = "application/pkcs7-mime; smime-type=certs-only"
    headers: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes
    peer: str  # common name in the client's certificate, or None


def names_of(san):
    """subjectAltName as openssl's configuration has it."""
    if san is None:
        return ""
    names = [f"IP:{name.value}" if isinstance(name.value, (
        ipaddress.IPv4Address, ipaddress.IPv6Address)) else
        f"DNS:{name.value}" for name in san.value]
    return f"subjectAltName={','.join(names)}\n"


def find_san(of):
    try:
        return of.extensions.get_extension_for_class(
            x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return None


def make_ca(folder):
    """What a server needs, and the certificate that a maker gives a gateway.
    """
    ca = Ca(folder)
    ca.root("root", "EST Root")
    ca.issue("issuing", "root", CA, subject="EST Issuing")
    ca.issue("tls", "issuing", LEAF + "extendedKeyUsage=serverAuth\n"
             "subjectAltName=DNS:localhost\n", subject="est")
    ca.root("factory")
    ca.issue("bootstrap", "factory", LEAF)
    return folder


class EstServer:
    """Answers until it is closed. `replies` go before what it would say."""

    def __init__(self, folder):
        self.ca = Ca(folder)
        self.folder = folder
        self.anchor = folder / "root.pem"
        self.issuer = "issuing"
        self.cacerts = ["root", "issuing"]
        self.purpose = "extendedKeyUsage=serverAuth,clientAuth\n"
        self.days = 90
        self.requests = []
        self.replies = collections.defaultdict(list)
        self.start()

    # ---- Transport ----

    def start(self):
        chain = self.folder / "tls-chain.pem"
        chain.write_bytes(b"".join(
            (self.folder / f"{name}.pem").read_bytes()
            for name in ("tls", "issuing")))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, self.folder / "tls.key")
        context.verify_mode = ssl.CERT_OPTIONAL
        for name in ("root", "factory"):
            context.load_verify_locations(self.folder / f"{name}.pem")
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length", 0))
                owner.answer(self, self.rfile.read(length))

            do_GET = do_POST = answer

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                sock, address = super().get_request()
                sock.settimeout(60)
                return context.wrap_socket(
                    sock, server_side=True,
                    do_handshake_on_connect=False), address

            def handle_error(self, request, address):
                pass  # whoever did not like our certificate is gone

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"https://localhost:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    # ---- What it says ----

    def answer(self, handler, body):
        peer = handler.connection.getpeercert()
        name = dict(part[0] for part in peer["subject"])["commonName"] \
            if peer else None
        request = Request(handler.command, handler.path,
                          dict(handler.headers), body, name)
        self.requests.append(request)
        operation = handler.path.rpartition("/")[2]
        reply = (self.replies[operation].pop(0) if self.replies[operation]
                 else self.decide(request, operation, handler))
        handler.send_response(reply.status)
        handler.send_header("Content-Type", reply.type)
        handler.send_header("Content-Length", str(len(reply.body)))
        for key, value in reply.headers.items():
            handler.send_header(key, value)
        handler.end_headers()
        handler.wfile.write(reply.body)

    def decide(self, request, operation, handler):
        place, _, _ = request.path.rpartition("/")
        if place not in ("/.well-known/est", "/.well-known/est/plant"):
            return Reply(404)
        if operation == "cacerts" and request.method == "GET":
            return Reply(body=self.ca.bundle(*self.cacerts))
        if request.method != "POST" or request.headers.get(
                "Content-Type") != "application/pkcs10":
            return Reply(400, b"want a request\n", "text/plain")
        if operation == "simpleenroll":
            return self.enroll(request)
        if operation == "simplereenroll":
            return self.reenroll(request, handler)
        return Reply(404)

    def is_known(self, request):
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return (request.peer is not None
                or request.headers.get("Authorization") == f"Basic {basic}")

    def enroll(self, request):
        if not self.is_known(request):
            return Reply(401, b"who are you\n", "text/plain", {
                "WWW-Authenticate": 'Basic realm="EST"'})
        return self.issue(request.body)

    def reenroll(self, request, handler):
        """RFC 7030 section 4.2.2: the request says what the certificate
        does."""
        der = handler.connection.getpeercert(binary_form=True)
        if der is None:
            return Reply(401)
        old = x509.load_der_x509_certificate(der)
        csr = x509.load_der_x509_csr(base64.b64decode(request.body))
        if old.subject != csr.subject or names_of(
                find_san(old)) != names_of(find_san(csr)):
            return Reply(403, b"other names\n", "text/plain")
        return self.issue(request.body)

    def issue(self, body):
        der = base64.b64decode(body)
        csr = x509.load_der_x509_csr(der)
        if not csr.is_signature_valid:
            return Reply(400)
        pem = self.ca.openssl("req", "-inform", "DER", input=der)
        self.ca.sign(pem, self.issuer, LEAF + self.purpose
                     + names_of(find_san(csr)), "issued", self.days)
        return Reply(body=self.ca.bundle("issued"))
