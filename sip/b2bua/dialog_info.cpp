#include "sip/b2bua/dialog_info.hpp"

#include <expat.h>

#include <memory>

#include "core/limits.hpp"
#include "sip/b2bua/text_edits.hpp"

namespace usher::sip {
namespace {

constexpr std::string_view kXmlSpace = " \t\r\n";

std::string escape_xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&apos;"; break;
      default: out += c;
    }
  }
  return out;
}

// The value of an attribute as it is written in a start tag that expat has found well-formed; a
// null view when it is not there.
std::string_view written_attribute(std::string_view tag, std::string_view name) {
  std::size_t at = tag.find_first_of(kXmlSpace);
  while (at != std::string_view::npos) {
    at = tag.find_first_not_of(kXmlSpace, at);
    const std::size_t equal = tag.find('=', at);
    if (equal == std::string_view::npos) break;
    const std::size_t open = tag.find_first_of("\"'", equal);
    if (open == std::string_view::npos) break;
    const std::size_t close = tag.find(tag[open], open + 1);
    if (close == std::string_view::npos) break;
    std::string_view found = tag.substr(at, equal - at);
    found = found.substr(0, found.find_first_of(kXmlSpace));
    if (found == name) return tag.substr(open + 1, close - open - 1);
    at = close + 1;
  }
  return {};
}

// A URI as it stands in the document; some PBXs write a whole name-addr there.
std::string present_place(std::string_view text, const Presentation& to) {
  std::string shown = present_uri(text, to);
  if (shown != text || text.find('<') == std::string_view::npos) return shown;
  shown = present_addresses(text, to);
  return shown.empty() ? std::string(text) : shown;
}

// expat reads, and tells where each piece stands; what is changed is changed in the text.
class DialogInfoReader {
 public:
  DialogInfoReader(std::string_view document, const Presentation& to)
      : document_(document), to_(to), edits_(document) {}

  std::optional<std::string> run() {
    // UTF-8 whatever the document says: then an offset of expat's is one of the text.
    const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(
        XML_ParserCreateNS("UTF-8", '|'), &XML_ParserFree);
    if (parser == nullptr) return std::nullopt;
    parser_ = parser.get();
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(
        parser_,
        [](void* self, const XML_Char* name, const XML_Char** attributes) {
          static_cast<DialogInfoReader*>(self)->begin(name, attributes);
        },
        [](void* self, const XML_Char*) { static_cast<DialogInfoReader*>(self)->end(); });
    XML_SetCharacterDataHandler(parser_, [](void* self, const XML_Char* text, int length) {
      auto& reader = *static_cast<DialogInfoReader*>(self);
      if (reader.content_at_ == reader.depth_)
        reader.content_.append(text, static_cast<std::size_t>(length));
    });
    // A document type may define entities; none is needed here, and none is expanded.
    XML_SetStartDoctypeDeclHandler(
        parser_, [](void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
          XML_StopParser(static_cast<DialogInfoReader*>(self)->parser_, XML_FALSE);
        });
    const auto status =
        XML_Parse(parser_, document_.data(), static_cast<int>(document_.size()), XML_TRUE);
    if (status != XML_STATUS_OK || edits_.none()) return std::nullopt;
    std::string out = edits_.finish();
    if (out.size() > limits::kDialogInfoBytes) return std::nullopt;
    return out;
  }

 private:
  static std::string_view local_name(std::string_view name) {
    constexpr std::string_view space = "urn:ietf:params:xml:ns:dialog-info|";
    if (name.starts_with(space)) return name.substr(space.size());
    return name.find('|') == std::string_view::npos ? name : std::string_view{};
  }

  std::size_t offset() const { return static_cast<std::size_t>(XML_GetCurrentByteIndex(parser_)); }

  void begin(std::string_view full_name, const XML_Char** attributes) {
    const std::string_view name = local_name(full_name);
    const std::string_view tag =
        document_.substr(offset(), static_cast<std::size_t>(XML_GetCurrentByteCount(parser_)));
    if (content_at_ != 0) content_has_elements_ = true;
    ++depth_;
    if (name == "dialog" || name == "replaces") map_names(tag, attributes);
    if (name == "target") present_attribute(tag, attributes, "uri");
    if (name == "dialog-info") present_attribute(tag, attributes, "entity");
    const bool holds_uri = name == "identity" || name == "referred-by" || name == "hop";
    if (!holds_uri || content_at_ != 0) return;
    content_at_ = depth_;
    content_begin_ = offset() + tag.size();
    content_has_elements_ = false;
    content_.clear();
  }

  void end() {
    if (content_at_ == depth_) {
      if (!content_.empty() && !content_has_elements_)
        present_content(document_.substr(content_begin_, offset() - content_begin_));
      content_at_ = 0;
    }
    --depth_;
  }

  // `written`: the same as content_, with entities and CDATA sections as they stand.
  void present_content(std::string_view written) {
    const std::size_t first = content_.find_first_not_of(kXmlSpace);
    if (first == std::string::npos) return;
    const std::size_t last = content_.find_last_not_of(kXmlSpace);
    const std::string_view uri = std::string_view(content_).substr(first, last - first + 1);
    const std::string shown = present_place(uri, to_);
    if (shown == uri) return;
    edits_.replace(written, content_.substr(0, first) + escape_xml(shown) +
                                escape_xml(std::string_view(content_).substr(last + 1)));
  }

  static std::string_view value_of(const XML_Char** attributes, std::string_view name) {
    for (; *attributes != nullptr; attributes += 2) {
      if (name == attributes[0]) return attributes[1];
    }
    return {};
  }

  void replace_attribute(std::string_view tag, std::string_view name, std::string_view value) {
    const std::string_view written = written_attribute(tag, name);
    if (written.data() != nullptr) edits_.replace(written, escape_xml(value));
  }

  void present_attribute(std::string_view tag, const XML_Char** attributes, std::string_view name) {
    const std::string_view uri = value_of(attributes, name);
    const std::string shown = present_place(uri, to_);
    if (shown != uri) replace_attribute(tag, name, shown);
  }

  void map_names(std::string_view tag, const XML_Char** attributes) {
    if (to_.names == nullptr) return;
    const auto name =
        to_.names->across(value_of(attributes, "call-id"), value_of(attributes, "local-tag"),
                          value_of(attributes, "remote-tag"), to_.towards);
    if (!name) return;
    replace_attribute(tag, "call-id", name->call_id);
    replace_attribute(tag, "local-tag", name->tag);
    replace_attribute(tag, "remote-tag", name->other_tag);
  }

  std::string_view document_;
  const Presentation& to_;
  TextEdits edits_;
  XML_Parser parser_ = nullptr;
  std::size_t depth_ = 0;
  std::size_t content_at_ = 0;  // depth of the element whose text is a URI; 0: in none
  std::size_t content_begin_ = 0;
  std::string content_;
  bool content_has_elements_ = false;
};

}  // namespace

std::optional<std::string> present_dialog_info(std::string_view document, const Presentation& to) {
  if (document.size() > limits::kDialogInfoBytes) return std::nullopt;
  if (!to.conceals() && to.names == nullptr) return std::nullopt;
  // A byte order mark would make expat read UTF-16 all the same.
  if (document.find('\0') != std::string_view::npos) return std::nullopt;
  return DialogInfoReader(document, to).run();
}

}  // namespace usher::sip
