/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two self-signed P-256 certificates and an empty CRL of the first, valid for
 * a hundred years, as PEM within a JSON string.
 */
#ifndef TEST_RECORD_PEM_H
#define TEST_RECORD_PEM_H

#define PEM_ONE                                                               \
	"-----BEGIN CERTIFICATE-----\\n"                                      \
	"MIIBcjCCARmgAwIBAgIUQO0Cz6Av7HCBUiMdekKpJv3Xv/UwCgYIKoZIzj0EAwIw\\n" \
	"DjEMMAoGA1UEAwwDb25lMCAXDTI2MTEyMDIwMDMyMloYDzIxMjYxMDI3MjAwMzIy\\n" \
	"WjAOMQwwCgYDVQQDDANvbmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARwKsfc\\n" \
	"+cMHmV1aQP9g5ZMFMJdDJYjR+kRPVemDYiGHXVSrfVPkde0SSF3xGATNtyhV1a/X\\n" \
	"KiNqRA5B/+74Cdiao1MwUTAdBgNVHQ4EFgQUa1E3GNojaQXstZsW9LofY44qz10w\\n" \
	"HwYDVR0jBBgwFoAUa1E3GNojaQXstZsW9LofY44qz10wDwYDVR0TAQH/BAUwAwEB\\n" \
	"/zAKBggqhkjOPQQDAgNHADBEAiBBo+D64IDImW8B5qpAlV9xG2Dw9NMcWhSDBPhr\\n" \
	"ECFLmQIgXFMDmBgI+yoevternEsQ0X76cgAnDYssOg1+H4C4KE4=\\n"             \
	"-----END CERTIFICATE-----\\n"

#define PEM_TWO                                                               \
	"-----BEGIN CERTIFICATE-----\\n"                                      \
	"MIIBczCCARmgAwIBAgIULQYyPaXLQik0oCs5osB484w1x2YwCgYIKoZIzj0EAwIw\\n" \
	"DjEMMAoGA1UEAwwDdHdvMCAXDTI2MTEyMDIwMDMyMloYDzIxMjYxMDI3MjAwMzIy\\n" \
	"WjAOMQwwCgYDVQQDDAN0d28wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATKwzME\\n" \
	"XdxN0G7ZMB7/8HiA5wAaVJFvo/9sdhOAfDWjFg/oNt8xq0vYW53hQ+a5K9cKC+/e\\n" \
	"bhDkI9+l2HpJuFuYo1MwUTAdBgNVHQ4EFgQUw5YOSLk5yzffSdlZ8M5teRABBGow\\n" \
	"HwYDVR0jBBgwFoAUw5YOSLk5yzffSdlZ8M5teRABBGowDwYDVR0TAQH/BAUwAwEB\\n" \
	"/zAKBggqhkjOPQQDAgNIADBFAiEA37MEJngz4Arjm5+tW7/A6TSVT6UuXhEyeS/P\\n" \
	"OGxgMYMCIEseVo9WkgmxdpNPlk5qVOc8qpiLgdlUlKBV0ncPevnf\\n"             \
	"-----END CERTIFICATE-----\\n"

#define PEM_CRL                                                               \
	"-----BEGIN X509 CRL-----\\n"                                         \
	"MIGUMDwwCgYIKoZIzj0EAwIwDjEMMAoGA1UEAwwDb25lFw0yNjExMjAyMDAzMjJa\\n" \
	"GA8yMTI2MTAyNzIwMDMyMlowCgYIKoZIzj0EAwIDSAAwRQIhAIF3a7A8sUq3tFZw\\n" \
	"nV7lMIujw9rAu8t1Oyjw3FrjamOUAiAMleCmcytSaJfICLqbFf/r755hFHdPYGAV\\n" \
	"WMqX4c/IPQ==\\n"                                                     \
	"-----END X509 CRL-----\\n"

#endif
