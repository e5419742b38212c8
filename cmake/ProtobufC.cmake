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
