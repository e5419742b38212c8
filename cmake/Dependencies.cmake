# The libraries this is made of. Each is linked by the one layer that may include it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto)

find_package(nng CONFIG REQUIRED)
include(RequireNng)

pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c>=1.5)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=1.1)
pkg_check_modules(RABBITMQ REQUIRED IMPORTED_TARGET librabbitmq>=0.15)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq>=17)
# 1.0 refuses most of what is malformed in HTTP; tests/unit/gateway has what is left to us.
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd>=1.0)
pkg_check_modules(YYJSON REQUIRED IMPORTED_TARGET yyjson>=0.10)
if(ORDER_TESTS)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka>=1.1.7)
endif()
find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_GEN_C protoc-gen-c REQUIRED)
