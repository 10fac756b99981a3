#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wrappers for what policy/ calls of others, by the linker's --wrap: each asks
fault.c whether it is its turn to fail.

    wrap.py LIBTRUST.A WRAPPERS.C OPTIONS

What is called, the library itself says (nm), and how, the headers (gcc's
-aux-info). A call that is neither wrapped nor exempt here stops the build."""

import pathlib
import re
import subprocess
import sys
import tempfile

HEADERS = """
    openssl/x509v3.h openssl/cms.h openssl/ec.h openssl/err.h openssl/pem.h
    openssl/rsa.h sqlite3.h dirent.h fcntl.h libgen.h pwd.h stdlib.h string.h
    sys/file.h sys/stat.h time.h unistd.h""".split()

# What cannot fail, and why: the whole list. A name may end in *.
EXEMPT = {
    "reads what was parsed before, or what is static": """
        ASN1_OCTET_STRING_cmp ASN1_INTEGER_cmp ASN1_STRING_get0_data
        ASN1_STRING_length ASN1_STRING_type BIO_s_mem BIO_s_secmem
        BN_get_word BN_is_odd BN_num_bits CMS_get0_type
        CMS_RecipientInfo_type CRYPTO_memcmp EC_curve_nid2nist
        ERR_peek_last_error EVP_PKEY_get_base_id EVP_aes_256_cbc EVP_sha256
        EVP_sha384 EVP_sha512 GENERAL_NAME_get0_value OBJ_cmp OBJ_nid2obj
        OBJ_obj2nid OBJ_sn2nid OPENSSL_sk_num OPENSSL_sk_shift
        OPENSSL_sk_value RSA_PSS_PARAMS_it X509V3_EXT_get
        X509_CRL_get0_extensions X509_CRL_get0_lastUpdate
        X509_CRL_get0_nextUpdate X509_CRL_get_REVOKED X509_CRL_get_ext
        X509_CRL_get_ext_by_NID X509_CRL_get_issuer
        X509_CRL_get_signature_nid X509_CRL_get_version
        X509_EXTENSION_get_critical X509_EXTENSION_get_data
        X509_EXTENSION_get_object X509_NAME_ENTRY_get_data
        X509_NAME_entry_count X509_NAME_get_entry X509_NAME_get_index_by_NID
        X509_REQ_get_X509_PUBKEY X509_REQ_get_signature_nid
        X509_REVOKED_get0_serialNumber X509_STORE_CTX_get0_chain
        X509_STORE_CTX_get0_current_crl X509_STORE_CTX_get0_param
        X509_STORE_CTX_get0_parent_ctx X509_STORE_CTX_get_current_cert
        X509_STORE_CTX_get_error X509_STORE_CTX_get_error_depth
        X509_STORE_CTX_get_ex_data X509_get0_extensions X509_get0_notAfter
        X509_get0_notBefore X509_get0_pubkey_bitstr X509_get0_serialNumber
        X509_get_X509_PUBKEY X509_get_ext X509_get_ext_by_NID
        X509_get_ext_count X509_get_issuer_name X509_get_subject_name
        X509_get_version X509_supported_extension
        X509_verify_cert_error_string X509v3_get_ext_by_NID
        sqlite3_changes sqlite3_changes64 sqlite3_column_bytes
        sqlite3_column_int sqlite3_column_int64 sqlite3_column_type
        sqlite3_db_readonly sqlite3_errstr sqlite3_get_autocommit
        sqlite3_next_stmt sqlite3_stmt_busy sqlite3_system_errno geteuid""",
    "looks a serial number up in a list that is in memory": """
        X509_CRL_get0_by_cert X509_CRL_get0_by_serial""",
    "counts: fails only where the count was wrong before": """
        X509_CRL_up_ref X509_up_ref""",
    "of a date with four digits for the year, which OpenSSL has read": """
        timegm""",
    "reads extensions, which were taken apart when X509_get_extension_flags "
    "was asked; that one fails here": """
        X509_get0_authority_issuer X509_get0_authority_key_id
        X509_get0_authority_serial X509_get0_subject_key_id X509_get0_uids
        X509_check_ca X509_get_key_usage X509_get_extended_key_usage""",
    "writes what the caller has room for": """
        BIO_ctrl EVP_EncodeBlock ASN1_object_size""",
    "gives back what is held, and has no other way": """
        BIO_free CRYPTO_free close closedir free sqlite3_close
        sqlite3_clear_bindings sqlite3_db_release_memory sqlite3_finalize
        sqlite3_reset""",
    "sets a bound in memory, and returns the old one": "sqlite3_limit",
    "jansson, which fails by its allocations": "json_*",
    "works in memory that is there": """
        __* _GLOBAL_OFFSET_TABLE_ basename dirname mem* qsort snprintf
        strchr strcmp strcpy strcspn strerror strlen strncasecmp strncmp
        strnlen strpbrk strrchr strspn strstr vsnprintf bcmp""",
}

# What a call returns that failed: where it is not NULL for a pointer.
VALUES = {
    # 0 says that both are the same, or that the one has issued the other.
    "X509_cmp": "-2", "X509_NAME_cmp": "-2", "X509_CRL_cmp": "-2",
    "ASN1_TIME_compare": "-2", "X509_cmp_time": "0", "EVP_PKEY_eq": "-2",
    "CMS_RecipientInfo_ktri_cert_cmp": "-2",
    "CMS_RecipientEncryptedKey_cert_cmp": "-2",
    "X509_check_issued": "X509_V_ERR_UNSPECIFIED",
    "X509_check_akid": "X509_V_ERR_UNSPECIFIED",
    "X509_check_private_key": "0",
    "X509_get_extension_flags": "EXFLAG_INVALID",
    "X509_self_signed": "-1", "X509_verify": "-1", "X509_CRL_verify": "-1",
    "X509_REQ_verify": "-1", "X509_NAME_print_ex": "-1",
    "X509_NAME_hash_ex": "0", "ASN1_INTEGER_get": "-1",
    "ASN1_STRING_to_UTF8": "-1", "ASN1_get_object": "0x80",
    "CMS_signed_get_attr_count": "-1", "CMS_set1_signers_certs": "-1",
    "EVP_DecodeBlock": "-1", "OBJ_obj2txt": "-1",
    "getpwuid_r": "ENOMEM",
}
# Of these a failure is negative.
NEGATIVE = re.compile(r"i2d_|lstat$|stat$|mkostemp$|fchmod$|flock$|fsync$|"
                      r"link$|unlink(?:at)?$|open$")
# An int that may say "the same": no default will do.
COMPARES = re.compile(r"cmp|compare|_eq$|_check_")

# What a call does besides, when it fails: arguments are a0, a1, …
BEFORE = {
    "X509_verify_cert":
        "X509_STORE_CTX_set_error(a0, X509_V_ERR_OUT_OF_MEM);",
    "X509_NAME_hash_ex": "if (a3 != NULL) *a3 = 0;",
    "sqlite3_prepare_v2": "*a3 = NULL;",
    "sqlite3_prepare_v3": "*a4 = NULL;",
    "sqlite3_open_v2": "*a1 = NULL;",
    "sqlite3_column_blob": "fault_sqlite_memory();",
    "sqlite3_column_text": "fault_sqlite_memory();",
    "X509_get_ext_d2i": "if (a2 != NULL) *a2 = 0;",
    "X509_CRL_get_ext_d2i": "if (a2 != NULL) *a2 = 0;",
}
VALUES["X509_verify_cert"] = "-1"
# When a call has nothing to fail at: it goes on as ever.
UNLESS = {
    "X509_get_ext_d2i": "X509_get_ext_by_NID(a0, a1, -1) < 0",
    "X509_CRL_get_ext_d2i": "X509_CRL_get_ext_by_NID(a0, a1, -1) < 0",
    "sqlite3_column_text": "sqlite3_column_type(a0, a1) == SQLITE_NULL",
    "sqlite3_column_blob": "sqlite3_column_type(a0, a1) == SQLITE_NULL",
    "fdopendir": "a0 < 0",
}
# What fault.c writes by hand: they count what is held, take a number of
# arguments that only they know, or tell of a failure that was another's.
BY_HAND = """malloc calloc realloc reallocarray strdup strndup free open
    sqlite3_db_config sqlite3_errcode sqlite3_extended_errcode
    sqlite3_errmsg""".split()

PROTOTYPE = re.compile(r"extern (.*?)(\w+) \((.*)\);(?: /\*.*)?$")


def called(library):
    """What the library wants of others."""
    text = subprocess.run(["nm", "-u", library], check=True, text=True,
                          capture_output=True).stdout
    names = {line.split()[1] for line in text.splitlines()
             if line.strip().startswith("U ")}
    return sorted(name for name in names if not name.startswith("trust_"))


def prototypes():
    """{name: (type of what it returns, types of its arguments)}."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "headers.c")
        out = pathlib.Path(folder, "prototypes")
        source.write_text("#define _GNU_SOURCE\n" + "".join(
            f"#include <{header}>\n" for header in HEADERS))
        subprocess.run(["gcc", "-fsyntax-only", "-aux-info", out, source],
                       check=True)
        found = {}
        for line in out.read_text().splitlines():
            match = PROTOTYPE.search(line)
            if match:
                found[match[2]] = match[1].strip(), split(match[3])
        return found


def split(text):
    """The arguments' types; a comma may stand in one."""
    types, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            types.append("")
        else:
            types[-1] += c
    types = [kind.strip() for kind in types]
    return [] if types == ["void"] else types


def is_exempt(name):
    return any(name == word or word[-1] == "*" and name.startswith(word[:-1])
               for words in EXEMPT.values() for word in words.split())


def failure(name, kind):
    """What it returns when it fails; None: nobody has said so."""
    if name in VALUES:
        return VALUES[name]
    if kind.endswith("*"):
        return "NULL"
    if name.startswith("sqlite3_"):
        return "fault_sqlite()"
    if COMPARES.search(name):
        return None
    return "-1" if NEGATIVE.match(name) else "0"


def wrapper(name, kind, types):
    value = failure(name, kind)
    if value is None or "..." in types:
        sys.exit(f"tests/faults/wrap.py: {name}: want what it returns when "
                 "it fails in VALUES, its wrapper in BY_HAND, or EXEMPT")
    head = ", ".join(f"__typeof__({t}) a{i}" for i, t in enumerate(types))
    pass_on = ", ".join(f"a{i}" for i in range(len(types)))
    real = f"__real_{name}({pass_on})"
    lines = [f"{kind} __real_{name}({head or 'void'});",
             f"{kind} __wrap_{name}({head or 'void'});",
             f"{kind} __wrap_{name}({head or 'void'})", "{"]
    due = f'fault_is_due("{name}", __builtin_return_address(0))'
    if name in UNLESS:
        due = f"!({UNLESS[name]}) && {due}"
    lines += [f"\tif ({due}) {{"]
    if name in BEFORE:
        lines += [f"\t\t{BEFORE[name]}"]
    lines += [f"\t\treturn {value};", "\t}"]
    if name.startswith("sqlite3_"):
        lines += ["\tfault_sqlite_passed();"]
    return "\n".join([*lines, f"\treturn {real};", "}\n"])


def main(library, source, options):
    known = prototypes()
    names, text = [], []
    for name in called(library):
        if name in BY_HAND and name != "free":
            names.append(name)
        elif name in known and known[name][0] == "void" or is_exempt(name):
            continue
        elif name not in known:
            sys.exit(f"tests/faults/wrap.py: {name}: want its header in "
                     "HEADERS, or EXEMPT")
        else:
            names.append(name)
            text.append(wrapper(name, *known[name]))
    names += {"free"} | set(BY_HAND) - set(names)
    pathlib.Path(source).write_text("\n".join([
        "/* Made by tests/faults/wrap.py. */", "#include <errno.h>",
        *(f"#include <{header}>" for header in HEADERS),
        '#include "fault.h"\n', *text]))
    pathlib.Path(options).write_text("".join(
        f"-Wl,--wrap={name}\n" for name in sorted(set(names))))


main(*sys.argv[1:])
