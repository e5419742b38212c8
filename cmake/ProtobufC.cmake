# order_protobuf_c(TARGET FILE...): C from .proto at build time, as a static library whose headers
# come in as SYSTEM. FILEs are relative to proto/ or, for google/protobuf/*, to where protoc keeps
# its own.
function(order_protobuf_c target)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  set(sources)
  foreach(file IN LISTS ARGN)
    string(REGEX REPLACE "\\.proto$" "" stem ${file})
    set(input ${CMAKE_SOURCE_DIR}/proto/${file})
    if(NOT EXISTS ${input})
      set(input)
    endif()
    add_custom_command(
      OUTPUT ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h
      COMMAND ${PROTOC} --c_out=${out} -I ${CMAKE_SOURCE_DIR}/proto ${file}
      DEPENDS ${input}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/proto
      VERBATIM)
    list(APPEND sources ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h)
  endforeach()
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} SYSTEM PUBLIC ${out})
  target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUF_C)
endfunction()
