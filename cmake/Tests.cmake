# A test that takes longer hangs: several times what any takes on a machine that does much besides.
set(ORDER_TEST_SECONDS_MAX 600)
if(ORDER_SANITIZE)
  set(ORDER_TEST_SECONDS_MAX 1800)
endif()

# order_test(NAME LABELS label... SOURCES file... LIBRARIES target... [TIMEOUT seconds])
# A cmocka program and its ctest entry. Labels: unit, integration; threads = also run under TSan.
function(order_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;SOURCES;LIBRARIES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT ${ORDER_TEST_SECONDS_MAX})
  endif()
  add_executable(${name} ${ARG_SOURCES})
  order_warnings(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} PkgConfig::CMOCKA)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()

# order_test_tls(NAME): it opens TLS channels, of which nng leaks one now and then.
function(order_test_tls name)
  set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT
    "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/nng_tls.lsan:print_suppressions=0")
endfunction()
