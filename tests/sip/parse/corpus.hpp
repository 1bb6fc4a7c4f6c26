// The RFCs' messages, kept as files under tests/corpus.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "sip/parse/datagram.hpp"

namespace usher::sip::test {

struct CorpusFile {
  std::string name;  // without directory and ".dat"
  std::string bytes;
};

inline std::vector<CorpusFile> read_corpus(const std::filesystem::path& directory) {
  std::vector<CorpusFile> out;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".dat") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    out.push_back({entry.path().stem().string(),
                   {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}});
  }
  std::sort(out.begin(), out.end(),
            [](const CorpusFile& a, const CorpusFile& b) { return a.name < b.name; });
  return out;
}

inline std::vector<CorpusFile> rfc_corpus(std::string_view folder) {
  return read_corpus(std::filesystem::path(USHER_SOURCE_DIR) / "tests/corpus" / folder);
}

inline std::vector<CorpusFile> whole_corpus() {
  std::vector<CorpusFile> out = rfc_corpus("rfc4475");
  for (std::string_view folder : {"rfc5118", "rfc-flows"}) {
    for (CorpusFile& file : rfc_corpus(folder)) out.push_back(std::move(file));
  }
  return out;
}

inline Parsed parse(std::string_view text) {
  return parse_datagram(Bytes(text));
}

inline MessageRef accepted(const Parsed& parsed) {
  const auto* message = std::get_if<MessageRef>(&parsed);
  return message ? *message : MessageRef{};
}

inline const Malformed* refused(const Parsed& parsed) {
  return std::get_if<Malformed>(&parsed);
}

}  // namespace usher::sip::test
