# order_warnings(TARGET): C17, warnings as errors, hardening. For our own code only; generated and
# foreign headers come in as SYSTEM.
function(order_warnings target)
  target_compile_features(${target} PUBLIC c_std_17)
  set_target_properties(${target} PROPERTIES C_EXTENSIONS OFF)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wstrict-prototypes
    -Wmissing-prototypes -Wformat=2 -Wimplicit-fallthrough -Wvla -Wcast-qual -Wwrite-strings
    -fno-common -fstack-protector-strong)
  # clang does not follow a format through a static helper, and looks into protobuf-c's macros; gcc checks the same
  # sources.
  if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE -Wno-format-nonliteral -Wno-cast-qual)
  endif()
  # FORTIFY needs optimisation and disturbs sanitizers.
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT ORDER_SANITIZE)
    target_compile_options(${target} PRIVATE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
      -fstack-clash-protection -ftrivial-auto-var-init=zero)
    target_link_options(${target} PRIVATE -Wl,-z,relro,-z,now,-z,noexecstack)
  endif()
endfunction()

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
