# liborder-client as others use it: one shared and one static library, its headers, the contracts, and what CMake
# and pkg-config need to find them. Both libraries show the symbols of src/client/exported.txt and no others.
# What is built here links order_client (src/client), the same code in layers.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(client_layers order_client order_rpc order_json order_base order_proto)
set(client_symbols ${CMAKE_SOURCE_DIR}/src/client/exported.txt)
set(client_dir ${CMAKE_BINARY_DIR}/client)

# The linker's form of the list.
file(STRINGS ${client_symbols} client_symbol_list)
list(JOIN client_symbol_list "; " client_symbol_text)
file(CONFIGURE OUTPUT ${client_dir}/exported.map
  CONTENT "ORDER_CLIENT_@PROJECT_VERSION_MAJOR@ { global: @client_symbol_text@; local: *; };\n" @ONLY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${client_symbols})

list(JOIN client_layers "," client_layers_joined)
file(WRITE ${client_dir}/empty.c "/* all of it comes from the layers */\n")
add_library(order_client_shared SHARED ${client_dir}/empty.c)
target_link_libraries(order_client_shared PRIVATE
  "$<LINK_LIBRARY:WHOLE_ARCHIVE,${client_layers_joined}>"
  nng::nng PkgConfig::PROTOBUF_C PkgConfig::YYJSON OpenSSL::Crypto Threads::Threads m)
target_link_options(order_client_shared PRIVATE
  -Wl,--version-script=${client_dir}/exported.map -Wl,-z,defs -Wl,-z,relro -Wl,-z,now)
set_target_properties(order_client_shared PROPERTIES
  OUTPUT_NAME order-client VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS ${client_dir}/exported.map LIBRARY_OUTPUT_DIRECTORY ${client_dir})
if(ORDER_SANITIZE OR ORDER_FUZZ) # their symbols are the program's
  set_property(TARGET order_client_shared PROPERTY LINK_OPTIONS
    -Wl,--version-script=${client_dir}/exported.map)
endif()

# The static one is a single object, so that what is not exported can be made local to it.
set(client_archive ${client_dir}/liborder-client.a)
list(TRANSFORM client_layers REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE client_archives)
add_custom_command(
  OUTPUT ${client_archive}
  COMMAND ${CMAKE_LINKER} -r -o order-client.o --whole-archive ${client_archives}
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbols=${client_symbols} order-client.o
  COMMAND ${CMAKE_COMMAND} -E rm -f ${client_archive}
  COMMAND ${CMAKE_AR} rcs ${client_archive} order-client.o
  DEPENDS ${client_layers} ${client_symbols}
  WORKING_DIRECTORY ${client_dir}
  VERBATIM)
add_custom_target(order_client_archive ALL DEPENDS ${client_archive})

# --- installed ---

set(client_include ${CMAKE_INSTALL_INCLUDEDIR}/order-client)
install(TARGETS order_client_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client)
install(FILES ${client_archive} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client)
foreach(header IN ITEMS
    base/arena.h base/bytes.h base/c_api.h base/clock.h base/status.h base/uuid.h
    client/client_call.h client/order_client.h
    json/json_field.h json/json_print.h json/json_read.h json/json_text.h
    rpc/channel.h rpc/limits.h rpc/metadata.h rpc/tls.h)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${CMAKE_SOURCE_DIR}/src/${header} DESTINATION ${client_include}/${folder} COMPONENT client)
endforeach()
install(DIRECTORY ${CMAKE_BINARY_DIR}/proto/gen/ DESTINATION ${client_include} COMPONENT client
  FILES_MATCHING PATTERN *.pb-c.h)
# In the sources headers are named from src/; installed, each finds the others beside itself, whatever folders of the
# same names the program has on its path.
install(CODE "set(client_headers \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${client_include}\")" COMPONENT client)
install(SCRIPT ${CMAKE_SOURCE_DIR}/cmake/RelativeIncludes.cmake COMPONENT client)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/proto/ DESTINATION ${CMAKE_INSTALL_DATADIR}/order-client/proto
  COMPONENT client FILES_MATCHING PATTERN *.proto)

file(RELATIVE_PATH client_up /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p) # so that the tree may be moved
configure_file(cmake/order-client.pc.in ${client_dir}/order-client.pc @ONLY)
install(FILES ${client_dir}/order-client.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT client)
set(client_package ${CMAKE_INSTALL_LIBDIR}/cmake/order-client)
configure_package_config_file(cmake/order-client-config.cmake.in ${client_dir}/order-client-config.cmake
  INSTALL_DESTINATION ${client_package} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_DATADIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${client_dir}/order-client-config-version.cmake
  COMPATIBILITY SameMinorVersion) # before 1.0 a minor version may break what uses it
install(FILES ${client_dir}/order-client-config.cmake ${client_dir}/order-client-config-version.cmake
  DESTINATION ${client_package} COMPONENT client)
install(TARGETS orderctl order-server order-worker order-gateway
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
