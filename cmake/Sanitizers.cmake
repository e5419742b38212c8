# ORDER_SANITIZE=address,undefined or thread: for everything that is built here.
if(ORDER_SANITIZE)
  add_compile_options(-fsanitize=${ORDER_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ORDER_SANITIZE})
  if(ORDER_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

# libFuzzer's view of all our code; the programs add libFuzzer itself.
if(ORDER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer
    -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()
