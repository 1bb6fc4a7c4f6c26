// Status codes and their default reason phrases (RFC 3261 §21 and extensions).
#pragma once

#include <string_view>

namespace usher::sip {

std::string_view reason_phrase(int status);  // "Trying" for 100; the class's name for unknown codes

}  // namespace usher::sip
