/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main for harnesses without libFuzzer: replay N FILE... runs each file, and
 * N changes of each that are drawn from a fixed seed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Octets of an input. */
#define INPUT_MAX (256 * 1024)

extern int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

/* xorshift64 */
static size_t
at_random(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n > 0 ? (size_t)(state % n) : 0;
}

/* In memory of its own size, so that a sanitizer sees who reads beyond. */
static void
run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* A bit, an octet, a piece twice, a piece less. */
static size_t
change(uint8_t *data, size_t size)
{
	size_t at = at_random(size), n = at_random(size - at);

	if (size == 0)
		return 0;
	switch (at_random(4)) {
	case 0:
		data[at] ^= (uint8_t)(1u << at_random(8));
		return size;
	case 1:
		data[at] = (uint8_t)at_random(256);
		return size;
	case 2:
		if (size + n > INPUT_MAX)
			return size;
		memmove(data + at + n, data + at, size - at);
		return size + n;
	default:
		memmove(data + at, data + at + n, size - at - n);
		return size - n;
	}
}

static int
replay(const char *path, long n_changes)
{
	static uint8_t seed[INPUT_MAX], data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL) {
		perror(path);
		return EXIT_FAILURE;
	}
	size = fread(seed, 1, sizeof(seed), file);
	(void)fclose(file);
	run(seed, size);
	for (long i = 0; i < n_changes; i++) {
		size_t len = size;

		memcpy(data, seed, size);
		for (size_t j = at_random(4) + 1; j > 0; j--)
			len = change(data, len);
		run(data, len);
	}
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	int status = EXIT_SUCCESS;

	if (argc < 3) {
		(void)fprintf(stderr, "usage: %s N FILE...\n", argv[0]);
		return EXIT_FAILURE;
	}
	if (LLVMFuzzerInitialize != NULL)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 2; i < argc && status == EXIT_SUCCESS; i++)
		status = replay(argv[i], strtol(argv[1], NULL, 10));
	return status;
}
