/* See tls_nng.h. */
#include "rpc/tls_nng.h"

#include <nng/supplemental/tls/tls.h>
#include <string.h>

#include "rpc/endpoint.h"

static enum status load(nng_tls_config *config, const char *endpoint, const struct rpc_tls *tls,
                        struct failure *failure);
static const char *find_name(const char *endpoint, const struct rpc_tls *tls,
                             char room[ENDPOINT_TEXT_BYTES_MAX + 1]);

static enum status refuse(struct failure *failure, const char *what, const char *why)
{
    return failure_set(failure, STATUS_INVALID_ARGUMENT, "TLS_INVALID", "%s: %s", what, why);
}

static bool is_missing(const char *text)
{
    return text == NULL || text[0] == '\0';
}

enum status tls_set(nng_dialer dialer, const char *endpoint, const struct rpc_tls *tls,
                    struct failure *failure)
{
    if (tls == NULL || is_missing(tls->ca_file) || is_missing(tls->cert_file)) {
        return refuse(failure, endpoint,
                      "tls needs the caller's certificate and the CA of the servers");
    }
    nng_tls_config *config;
    int error = nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT);
    if (error != 0) {
        return refuse(failure, endpoint, nng_strerror(error));
    }
    enum status status = load(config, endpoint, tls, failure);
    if (status == STATUS_OK) {
        error = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
        status = error == 0 ? STATUS_OK : refuse(failure, endpoint, nng_strerror(error));
    }
    nng_tls_config_free(config); /* the dialer holds it, too */
    return status;
}

static enum status load(nng_tls_config *config, const char *endpoint, const struct rpc_tls *tls,
                        struct failure *failure)
{
    char room[ENDPOINT_TEXT_BYTES_MAX + 1];
    int error = nng_tls_config_ca_file(config, tls->ca_file);
    if (error != 0) {
        return refuse(failure, tls->ca_file, "no certificates of a CA can be read from it");
    }
    error = nng_tls_config_cert_key_file(config, tls->cert_file, NULL);
    if (error != 0) {
        return refuse(failure, tls->cert_file, "no certificate and its key can be read from it");
    }
    error = nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED);
    if (error == 0) {
        error = nng_tls_config_server_name(config, find_name(endpoint, tls, room));
    }
    return error == 0 ? STATUS_OK : refuse(failure, endpoint, nng_strerror(error));
}

/* The host of "tls+tcp://host:port", "tls+tcp://[::1]:port" when no other name is given. */
static const char *find_name(const char *endpoint, const struct rpc_tls *tls,
                             char room[ENDPOINT_TEXT_BYTES_MAX + 1])
{
    if (!is_missing(tls->server_name)) {
        return tls->server_name;
    }
    const char *host = strstr(endpoint, "://") + 3;
    host += host[0] == '[';
    size_t size = strcspn(host, host[-1] == '[' ? "]" : ":");
    memcpy(room, host, size);
    room[size] = '\0';
    return room;
}

bool tls_has_failed(nng_dialer dialer)
{
    nng_stat *all;
    bool has_failed = false;
    if (nng_stats_get(&all) != 0) {
        return false;
    }
    nng_stat *at = nng_stat_find_dialer(all, dialer);
    for (at = at != NULL ? nng_stat_child(at) : NULL; at != NULL; at = nng_stat_next(at)) {
        has_failed |= strcmp(nng_stat_name(at), "auth") == 0 && nng_stat_value(at) > 0;
    }
    nng_stats_free(all);
    return has_failed;
}
