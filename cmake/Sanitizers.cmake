# ORDER_SANITIZE=address,undefined or thread: for everything that is built here.
if(ORDER_SANITIZE)
  add_compile_options(-fsanitize=${ORDER_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ORDER_SANITIZE})
  if(ORDER_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()
