# SPDX-License-Identifier: Apache-2.0
"""An EST server of parts that others have made: TLS, HTTP and passwords by
nginx, the CA by `openssl ca`, and a script between them, est_cgi.sh."""

import pathlib
import socket
import subprocess

from broker import free_port, wait_until
from est_server import PASSWORD, USER

CGI = pathlib.Path(__file__).with_name("est_cgi.sh")
CONF = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
	access_log {folder}/access.log;
	client_body_temp_path {folder}/body;
	fastcgi_temp_path {folder}/fastcgi;
	proxy_temp_path {folder}/proxy;
	scgi_temp_path {folder}/scgi;
	uwsgi_temp_path {folder}/uwsgi;
	# Who has shown a certificate needs no password.
	map $ssl_client_verify $realm {{
		default EST;
		SUCCESS off;
	}}
	server {{
		listen 127.0.0.1:{port} ssl;
		server_name localhost;
		ssl_certificate {folder}/tls-chain.pem;
		ssl_certificate_key {folder}/tls.key;
		ssl_client_certificate {folder}/clients.pem;
		ssl_verify_client optional;
		ssl_verify_depth 3;
		fastcgi_param SCRIPT_FILENAME {cgi};
		fastcgi_param DOCUMENT_URI $document_uri;
		fastcgi_param REQUEST_METHOD $request_method;
		fastcgi_param CONTENT_TYPE $content_type;
		fastcgi_param CONTENT_LENGTH $content_length;
		fastcgi_param CLIENT_VERIFY $ssl_client_verify;
		fastcgi_param CLIENT_NAME $ssl_client_s_dn;
		fastcgi_param EST_HOME {folder};
		location /.well-known/est/ {{
			auth_basic $realm;
			auth_basic_user_file {folder}/passwords;
			fastcgi_pass unix:{folder}/cgi.sock;
		}}
		location = /.well-known/est/cacerts {{
			fastcgi_pass unix:{folder}/cgi.sock;
		}}
	}}
}}
"""
CA = """
[ca]
default_ca = issuing
[issuing]
database = {folder}/ca/index
rand_serial = yes
new_certs_dir = {folder}/ca
certificate = {folder}/issuing.pem
private_key = {folder}/issuing.key
default_md = sha256
default_days = 90
unique_subject = no
copy_extensions = copy
policy = names
x509_extensions = leaf
[names]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class EstNginx:
    """Answers until it is closed. `folder` is one of est_server.make_ca."""

    def __init__(self, folder):
        self.folder = folder
        self.anchor = folder / "root.pem"
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.write()
        self.processes = [self.launch("fcgiwrap", "-f", "-s",
                                      f"unix:{folder}/cgi.sock"),
                          self.launch("nginx", "-e", "stderr", "-p", folder,
                                      "-c", folder / "nginx.conf")]
        wait_until(self.answers, self.log)

    def write(self):
        folder = self.folder
        for name, parts in (("tls-chain", ("tls", "issuing")),
                            ("clients", ("root", "issuing", "factory"))):
            (folder / f"{name}.pem").write_bytes(b"".join(
                (folder / f"{part}.pem").read_bytes() for part in parts))
        (folder / "ca").mkdir()
        (folder / "ca" / "index").touch()
        (folder / "ca.cnf").write_text(CA.format(folder=folder))
        (folder / "passwords").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (folder / "nginx.conf").write_text(CONF.format(
            folder=folder, port=self.port, cgi=CGI))

    def launch(self, program, *arguments):
        path = next(path for path in (f"/usr/sbin/{program}",
                                      f"/usr/bin/{program}")
                    if pathlib.Path(path).exists())
        with open(self.folder / f"{program}.log", "wb") as log:
            return subprocess.Popen(
                [path, *map(str, arguments)], cwd=self.folder, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL)

    def log(self):
        return "".join((self.folder / f"{program}.log").read_text()
                       for program in ("nginx", "fcgiwrap"))

    def answers(self):
        assert all(process.poll() is None for process in self.processes), (
            self.log())
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return (self.folder / "cgi.sock").exists()

    def access(self):
        """What was asked, and with which status it was answered."""
        return [tuple(line.split('"')[1].split()[:2]
                      + line.split('"')[2].split()[:1]) for line in
                (self.folder / "access.log").read_text().splitlines()]

    def issued(self):
        """The serial numbers in the CA's own book."""
        return [line.split("\t")[3] for line in
                (self.folder / "ca" / "index").read_text().splitlines()]

    def close(self):
        for process in self.processes:
            process.terminate()
            process.wait()
