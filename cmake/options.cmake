# Flags that every target of the project shares. Third-party headers are SYSTEM and exempt.
add_library(usher_options INTERFACE)
target_compile_options(usher_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror -Werror=switch-enum)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(usher_options INTERFACE -Wno-restrict)  # g++ 12 warns falsely of std::string operator+ (GCC bug 105651)
endif()
target_include_directories(usher_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(usher_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ALL_NO_LIB)

# What runs in front of strangers: overflows end the process instead of taking it over. The sanitizers bring their own.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT USHER_SANITIZE)
  target_compile_definitions(usher_options INTERFACE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  target_compile_options(usher_options INTERFACE -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(usher_options INTERFACE -fcf-protection)
  endif()
  target_link_options(usher_options INTERFACE -Wl,-z,relro,-z,now)
endif()

if(USHER_SANITIZE)
  target_compile_options(usher_options INTERFACE -fsanitize=${USHER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(usher_options INTERFACE -fsanitize=${USHER_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(usher_options INTERFACE -Wno-maybe-uninitialized)  # false under instrumentation, as GCC's manual warns
  endif()
  if(USHER_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(usher_options INTERFACE -Wno-tsan  # Asio's fences, which g++ cannot instrument
                           -Wno-stringop-overread)  # false of a variant's string
  endif()
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # ccache keeps what was compiled with a precompiled header only when told that it may.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
find_program(LLD NAMES ld.lld ld.lld-14)
if(LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_INTERPROCEDURAL_OPTIMIZATION)  # lld cannot read GCC's LTO objects
  add_link_options(-fuse-ld=lld)
endif()

# usher_precompile(target [header...]): the common headers and these, compiled once for the target.
function(usher_precompile target)
  if(USHER_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.hpp ${ARGN})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # ccache must see which one was used. From one, g++ 12 also takes the library's own templates for ours and warns falsely of
      # std::string operator+; the release build compiles the same code with the warning on.
      target_compile_options(${target} PRIVATE -fpch-preprocess -Wno-array-bounds -Wno-stringop-overflow)
    endif()
  endif()
endfunction()

# usher_room(name): a static library of a folder's sources, with the shared flags and the headers of PRECOMPILE compiled once. Rooms whose files can be compiled together say so with
# UNITY; the sanitizer builds do that (USHER_UNITY), since they only run what the dev build has compiled file by file already.
function(usher_room name)
  cmake_parse_arguments(ROOM "UNITY" "" "SOURCES;LINK;PRECOMPILE" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  usher_precompile(${name} ${ROOM_PRECOMPILE})
  target_link_libraries(${name} PUBLIC usher_options ${ROOM_LINK})
  if(USHER_UNITY AND ROOM_UNITY)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
  endif()
endfunction()
