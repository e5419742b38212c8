# order_embed_text(TARGET NAME FILE): FILE's content as `const char NAME[]` (with a NUL behind it),
# declared in <embedded/NAME.h>. FILE may be made by the build.
function(order_embed_text target name file)
  cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE input)
  set(header ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.h)
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DINPUT=${input}
      -DOUTPUT=${header} -P ${CMAKE_SOURCE_DIR}/cmake/EmbedTextNow.cmake
    DEPENDS ${input} ${CMAKE_SOURCE_DIR}/cmake/EmbedTextNow.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${header})
  target_include_directories(${target} SYSTEM PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
