# Stops the configuration when nng_VERSION is too old; src/rpc/tune_nng.c asks the same of what is loaded.
# Before 1.6 a single connect-and-close kills a listener (nng issue 1518); 1.8 is what we have run.
if(nng_VERSION VERSION_LESS 1.8)
  message(FATAL_ERROR "nng ${nng_VERSION} is too old: 1.8 or newer is needed. "
    "On Debian 12 use ./dev, which brings a Debian 13 root.")
endif()
