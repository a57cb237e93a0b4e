/* SPDX-License-Identifier: Apache-2.0 */
/* golden_claim.h - the signed line inside the golden child file */
#ifndef SOV_TESTS_UNIT_GOLDEN_CLAIM_H
#define SOV_TESTS_UNIT_GOLDEN_CLAIM_H

/* clang-format off */
static const char golden_claim[] =
    "{\"dsseEnvelope\":{\"payload\":\"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pb"
    "y9TdGF0ZW1lbnQvdjEiLCJwcmVkaWNhdGUiOnsiYnVpbGREZWZpbml0aW9uIjp7ImJ1aWx"
    "kVHlwZSI6Imh0dHBzOi8vc292LmV4YW1wbGUvYnVpbGR0eXBlcy9pbXBvcnQvdjEiLCJle"
    "HRlcm5hbFBhcmFtZXRlcnMiOnsicmV2aXNpb24iOiIwZjNjIiwic291cmNlIjoiaHR0cHM"
    "6Ly9odWIuZXhhbXBsZS9vcmcvdGlueSJ9LCJyZXNvbHZlZERlcGVuZGVuY2llcyI6W3siZ"
    "GlnZXN0Ijp7ImdpdENvbW1pdCI6IjBmM2MwZjNjMGYzYzBmM2MwZjNjMGYzYzBmM2MwZjN"
    "jMGYzYzBmM2MifSwidXJpIjoiZ2l0K2h0dHBzOi8vaHViLmV4YW1wbGUvb3JnL3RpbnlAM"
    "GYzYyJ9XX0sInJ1bkRldGFpbHMiOnsiYnVpbGRlciI6eyJpZCI6Imh0dHBzOi8vc292LmV"
    "4YW1wbGUvYnVpbGRlcnMvb3BlcmF0b3IvdjEiLCJ2ZXJzaW9uIjp7InNvdiI6IjAuMS4wI"
    "n19LCJtZXRhZGF0YSI6eyJmaW5pc2hlZE9uIjoiMjAyNi0wMS0wMlQwMzowNDowNVoiLCJ"
    "pbnZvY2F0aW9uSWQiOiJ1cm46c292OjEifX0sInNvdl9sYWJlbHMiOnsianVyaXNkaWN0a"
    "W9uIjpbIkVVIl0sImxpY2Vuc2UiOlsiQXBhY2hlLTIuMCJdfX0sInByZWRpY2F0ZVR5cGU"
    "iOiJodHRwczovL3Nsc2EuZGV2L3Byb3ZlbmFuY2UvdjEiLCJzdWJqZWN0IjpbeyJhbm5vd"
    "GF0aW9ucyI6eyJzb3ZfY29udGVudFJvb3QiOiI0YmFkOTM1N2FhYWNjNzFhNWE2ZGFjMWE"
    "3ZTczNTVmY2Y2ZTQ2YWNiMmIyYmUyOTE2ODg0NDE5ZmM5NjA2ZTgwIiwic292X3NpemUiO"
    "jIwNDgwfSwiZGlnZXN0Ijp7ImZzdmVyaXR5X3NoYTI1NiI6IjgzNjM1NDA3ZTNkY2YxYTU"
    "1NWViYjliYjFmMTkzNThkMTQ2Yjc0Yzk4NjM3ZjVjM2NmZWQxY2FhOTI0NGM2ODYiLCJza"
    "GEyNTYiOiJkOTZlNjBmNTM1MTRkMGFhZGE3MGJjMzVmZDdlOGFjMzVkMDcyMDg1ZjMwZjQ"
    "xZTFjNDI0ODc0ZmQwOTVhNzcyIn0sIm1lZGlhVHlwZSI6ImFwcGxpY2F0aW9uL3guZ2d1Z"
    "iIsIm5hbWUiOiJwYXJlbnQuZ2d1ZiJ9XX0=\",\"payloadType\":\"application/vn"
    "d.in-toto+json\",\"signatures\":[{\"keyid\":\"a050837d85070582ccf7394b"
    "0988847cc312cb88259b894899f6f239cf1791a5\",\"sig\":\"2yT50e1pnNp3sqeLO"
    "YHxhTngmnIq9YRGMzg3cJEU/ZcuXCZ/kpaJFx6R9jMHiPazEukkplzrD0/81sPLpshZCg="
    "=\"}]},\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\""
    ",\"verificationMaterial\":{\"publicKey\":{\"hint\":\"a050837d85070582c"
    "cf7394b0988847cc312cb88259b894899f6f239cf1791a5\"}}}"
    "\n";
/* clang-format on */

#endif
