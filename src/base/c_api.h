/* C API: around the declarations of each header that is installed, so that C++ finds them by their
 * C names. */
#pragma once

#ifdef __cplusplus
#define C_API_BEGIN extern "C" {
#define C_API_END   }
#else
#define C_API_BEGIN
#define C_API_END
#endif
