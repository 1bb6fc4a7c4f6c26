// Who called whom is nobody's business who reads a log: the user parts of URIs, addresses-of-record
// and telephone numbers are replaced by short names.
#pragma once

#include <string>
#include <string_view>

#include "core/log.hpp"
#include "core/rng.hpp"

namespace usher {

// "sip:401@a.test" becomes "sip:u-3k9vq2m1@a.test": the same user has the same name for as long as
// the key is the same, and nobody without the key can find out whose it is by trying. Whatever
// stands before an @, an id such as a Call-ID too, is taken for a user.
std::string hide_users(std::string_view text, const HashKey& key);

// A sink that hides users and hands the line on.
Log::Sink hiding_users(Log::Sink next, const HashKey& key);

}  // namespace usher
