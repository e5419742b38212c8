# order_protobuf_c(TARGET [ROOT folder] FILE...): C from .proto at build time, as a static library whose
# headers come in as SYSTEM. FILEs are relative to ROOT (proto/ unless given) or, for
# google/protobuf/*, to where protoc keeps its own.
function(order_protobuf_c target)
  cmake_parse_arguments(ARG "" "ROOT" "" ${ARGN})
  set(root ${CMAKE_SOURCE_DIR}/proto)
  if(ARG_ROOT)
    set(root ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_ROOT})
  endif()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  set(sources)
  foreach(file IN LISTS ARG_UNPARSED_ARGUMENTS)
    string(REGEX REPLACE "\\.proto$" "" stem ${file})
    set(input ${root}/${file})
    if(NOT EXISTS ${input})
      set(input)
    endif()
    add_custom_command(
      OUTPUT ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h
      COMMAND ${PROTOC} --c_out=${out} -I ${root} -I ${CMAKE_SOURCE_DIR}/proto ${file}
      DEPENDS ${input}
      WORKING_DIRECTORY ${root}
      VERBATIM)
    list(APPEND sources ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h)
  endforeach()
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} SYSTEM PUBLIC ${out})
  target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUF_C)
endfunction()

# order_descriptor_set(TARGET FILE...): the FileDescriptorSet of .proto files and all they import, made
# at build time as ${CMAKE_BINARY_DIR}/contracts/TARGET.binpb.
function(order_descriptor_set target)
  set(out ${CMAKE_BINARY_DIR}/contracts)
  file(MAKE_DIRECTORY ${out})
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/proto/*.proto)
  add_custom_command(
    OUTPUT ${out}/${target}.binpb
    COMMAND ${PROTOC} --descriptor_set_out=${out}/${target}.binpb --include_imports
      --include_source_info -I ${CMAKE_SOURCE_DIR}/proto ${ARGN}
    DEPENDS ${inputs}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/proto
    VERBATIM)
  add_custom_target(${target} DEPENDS ${out}/${target}.binpb)
endfunction()
