/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsse.h - signed envelopes, in bundles and bare
 *
 *   {"dsseEnvelope":ENVELOPE,
 *    "mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
 *    "verificationMaterial":{"publicKey":{"hint":KEYID}}}
 *
 *   ENVELOPE = {"payload":BASE64,"payloadType":"application/vnd.in-toto+json",
 *               "signatures":[{"keyid":KEYID,"sig":BASE64}]}
 *
 * What is signed is the pre-authentication encoding of the payload:
 *
 *   DSSEv1 SP len(type) SP type SP len(payload) SP payload
 */
#ifndef SOV_TRUST_DSSE_H
#define SOV_TRUST_DSSE_H

#include "base/buf.h"
#include "sov/base.h"
#include "sov/key.h"

#include <stdbool.h>

#define SOV_INTOTO_TYPE "application/vnd.in-toto+json"
#define SOV_POLICY_TYPE "application/vnd.sov.policy.v1"
#define SOV_BUNDLE_TYPE "application/vnd.dev.sigstore.bundle.v0.3+json"

struct sov_envelope {
    const char *type;       /* of the payload; NULL: in-toto's */
    unsigned char *payload; /* owned */
    size_t len;
    unsigned char sig[SOV_SIG_LEN];
    char key_id[65]; /* hex, or "" in a bare envelope */
    bool bundle;
};

/* Read a line, without its newline, whose payload is of that type (NULL:
 * in-toto's).  SOV_EFORMAT unless it has just the members above; a bare envelope
 * may lack keyid and have URL-safe base64. */
int sov_envelope_parse(struct sov_span line, const char *type,
                       struct sov_envelope *e,
                       struct sov_err *err) SOV_MUST_CHECK;
void sov_envelope_free(struct sov_envelope *e);

/* A bundle, canonical, with its newline. */
int sov_envelope_put(struct sov_buf *out, const struct sov_envelope *e,
                     struct sov_err *err) SOV_MUST_CHECK;

/* What is signed; type NULL: in-toto's. */
int sov_envelope_pae(struct sov_buf *out, const char *type, const void *payload,
                     size_t len, struct sov_err *err) SOV_MUST_CHECK;

/* 64 lower-case hex digits? */
bool sov_hex_id(const char *text);

/* A line with a payload of that type (NULL: in-toto's) that the key signs,
 * newline included, to be freed. */
int sov_envelope_sign(const sov_seckey *key, const char *type,
                      const void *payload, size_t len, char **line,
                      size_t *line_len, struct sov_err *err) SOV_MUST_CHECK;

#endif
