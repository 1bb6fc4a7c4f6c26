# usher_page(files): the page at / as a C++ source, from admin/web. Without npm, or when its packages cannot be fetched, the
# source holds no file, and the binary says so. USHER_PAGE: AUTO (with it, if possible), ON (or fail), OFF.
include(${CMAKE_SOURCE_DIR}/cmake/npm.cmake)
set(USHER_PAGE AUTO CACHE STRING "The page at /: AUTO, ON or OFF")
set_property(CACHE USHER_PAGE PROPERTY STRINGS AUTO ON OFF)

function(usher_page files)
  set(web ${CMAKE_SOURCE_DIR}/admin/web)
  set(folder ${CMAKE_BINARY_DIR}/page)
  set(made ${folder}/page_files.cpp)
  set(${files} ${made} PARENT_SCOPE)
  set(without "USHER_PAGE is OFF")
  if(USHER_PAGE)
    # The types are only checked by the tests.
    if(USHER_TESTS)
      usher_npm(${web} ${folder} without)
    else()
      usher_npm(${web} ${folder} without --omit=dev)
    endif()
  endif()
  if(without)
    if(USHER_PAGE STREQUAL ON)
      message(FATAL_ERROR "The page cannot be built: ${without}")
    endif()
    message(STATUS "The page at /: not in this build (${without})")
    file(CONFIGURE OUTPUT ${made} CONTENT [[
#include "admin/page.hpp"

namespace usher::admin {
std::span<const PageFile> page_files() {
  return {};
}
}  // namespace usher::admin
]] @ONLY)
    set(USHER_HAS_PAGE OFF PARENT_SCOPE)
    return()
  endif()
  message(STATUS "The page at /: in this build")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${web}/*.ts ${web}/*.tsx ${web}/*.css ${web}/*.html ${web}/*.svg ${web}/*.mjs ${web}/tsconfig.json)
  list(FILTER sources EXCLUDE REGEX /node_modules/)
  add_custom_command(OUTPUT ${made} COMMAND ${NODE} ${web}/build.mjs ${web} ${made} WORKING_DIRECTORY ${folder}
    DEPENDS ${sources} ${folder}/installed COMMENT "Bundling the page" VERBATIM)
  set(USHER_HAS_PAGE ON PARENT_SCOPE)
endfunction()
