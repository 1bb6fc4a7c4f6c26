// Lets doctest show a Result<T> in CHECK and REQUIRE. Include it before the checks.
#pragma once

#include <doctest/doctest.h>

#include "core/result.hpp"

namespace doctest {

template <class T>
struct StringMaker<boost::system::result<T, usher::Error>> {
  static String convert(const boost::system::result<T, usher::Error>& result) {
    return result.has_value() ? "a value" : ("error: " + result.error().message).c_str();
  }
};

}  // namespace doctest
