/* Whether a text was signed with a key. See jwt.h. */
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "access/jwt_inside.h"

#define HALF_BYTES 32 /* r and s of ES256 */
#define DER_BYTES  80 /* both as DER */

static bool set_up(EVP_MD_CTX *context, EVP_PKEY *key, enum jwt_algorithm algorithm);
static size_t encode_ecdsa(struct bytes signature, uint8_t der[DER_BYTES]);

bool jwt_verify(EVP_PKEY *key, enum jwt_algorithm algorithm, struct bytes text,
                struct bytes signature)
{
    uint8_t der[DER_BYTES];
    if (algorithm == JWT_ES256) {
        signature = bytes_of(der, encode_ecdsa(signature, der));
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good =
        context != NULL && signature.size > 0 && set_up(context, key, algorithm) &&
        EVP_DigestVerify(context, signature.data, signature.size, text.data, text.size) == 1;
    EVP_MD_CTX_free(context);
    return is_good;
}

static bool set_up(EVP_MD_CTX *context, EVP_PKEY *key, enum jwt_algorithm algorithm)
{
    EVP_PKEY_CTX *inner = NULL;
    const EVP_MD *hash = algorithm == JWT_EDDSA ? NULL : EVP_sha256();
    if (EVP_DigestVerifyInit(context, &inner, hash, NULL, key) != 1) {
        return false;
    }
    return algorithm != JWT_PS256 ||
           (EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1);
}

/* A JWT has r and s side by side, OpenSSL wants them in DER. 0 when it is no signature. */
static size_t encode_ecdsa(struct bytes signature, uint8_t der[DER_BYTES])
{
    ECDSA_SIG *pair = signature.size == 2 * HALF_BYTES ? ECDSA_SIG_new() : NULL;
    if (pair == NULL) {
        return 0;
    }
    BIGNUM *r = BN_bin2bn(signature.data, HALF_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + HALF_BYTES, HALF_BYTES, NULL);
    if (r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return 0;
    }
    int size = i2d_ECDSA_SIG(pair, NULL);
    uint8_t *at = der;
    bool fits = size > 0 && size <= DER_BYTES && i2d_ECDSA_SIG(pair, &at) == size;
    ECDSA_SIG_free(pair);
    return fits ? (size_t)size : 0;
}
