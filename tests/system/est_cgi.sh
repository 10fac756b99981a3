#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What an EST server answers (RFC 7030), as a CGI program behind nginx: openssl
# does what a CA does. EST_HOME is the folder of the CA; who asks, nginx has
# found out by TLS or by password.
set -eu
cd "$EST_HOME"
umask 077

# reply STATUS TYPE, with what is to be said on standard input.
reply()
{
	printf 'Status: %s\r\nContent-Type: %s\r\n' "$1" "$2"
	[ "$2" = text/plain ] || printf 'Content-Transfer-Encoding: base64\r\n'
	printf '\r\n'
	cat
	exit 0
}

refuse()
{
	echo "$2" | reply "$1" text/plain
}

# Those of the files, certs-only.
send()
{
	cat "$@" >"$work/all.pem"
	openssl crl2pkcs7 -nocrl -certfile "$work/all.pem" -outform DER |
	    base64 | reply 200 'application/pkcs7-mime; smime-type=certs-only'
}

read_request()
{
	[ "$REQUEST_METHOD" = POST ] || refuse 405 'want POST'
	[ "${CONTENT_TYPE-}" = application/pkcs10 ] ||
	    refuse 400 'want application/pkcs10'
	base64 -d >"$work/request.der" 2>/dev/null || refuse 400 'want base64'
	openssl req -inform DER -in "$work/request.der" -verify \
	    -out "$work/request.pem" 2>/dev/null ||
	    refuse 400 'want a request that is signed with its own key'
}

issue()
{
	flock ca openssl ca -batch -config ca.cnf -in "$work/request.pem" \
	    -notext -out "$work/issued.pem" 2>"$work/log" ||
	    refuse 500 "$(tail -n 1 "$work/log")"
	send "$work/issued.pem"
}

# RFC 7030 section 4.2.2: by its own certificate, and with its name.
reissue()
{
	[ "$CLIENT_VERIFY" = SUCCESS ] || refuse 401 'want a certificate'
	subject=$(openssl req -in "$work/request.pem" -noout -subject \
	    -nameopt RFC2253)
	[ "${subject#subject=}" = "$CLIENT_NAME" ] || refuse 403 'another name'
	issue
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case ${DOCUMENT_URI#/.well-known/est/} in
cacerts) send root.pem issuing.pem ;;
simpleenroll)
	read_request
	issue
	;;
simplereenroll)
	read_request
	reissue
	;;
*) refuse 404 'no such operation' ;;
esac
