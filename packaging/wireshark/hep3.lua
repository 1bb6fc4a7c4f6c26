-- HEP version 3 for Wireshark and tshark, which know none: what Usher sends to its capture server, read off the wire. Each packet is shown with
-- the addresses that its message went between, and its message as SIP; both legs of a call are `hep3.correlation == "…"`.
-- A Lua plugin: in the folder of personal plugins, or tshark -X lua_script:hep3.lua

local hep = Proto("hep3", "Homer Encapsulation Protocol, version 3")

local FAMILIES = { [2] = "IPv4", [10] = "IPv6" }
local PROTOCOLS = { [6] = "TCP", [17] = "UDP" }
local KINDS = { [1] = "SIP" }

local fields = hep.fields
fields.length = ProtoField.uint16("hep3.length", "Length")
fields.unknown = ProtoField.bytes("hep3.unknown", "Unknown chunk")
fields.family = ProtoField.uint8("hep3.family", "IP family", base.DEC, FAMILIES)
fields.protocol = ProtoField.uint8("hep3.protocol", "Protocol", base.DEC, PROTOCOLS)
fields.source = ProtoField.ipv4("hep3.src", "Source")
fields.destination = ProtoField.ipv4("hep3.dst", "Destination")
fields.source6 = ProtoField.ipv6("hep3.src6", "Source")
fields.destination6 = ProtoField.ipv6("hep3.dst6", "Destination")
fields.source_port = ProtoField.uint16("hep3.srcport", "Source port")
fields.destination_port = ProtoField.uint16("hep3.dstport", "Destination port")
fields.seconds = ProtoField.uint32("hep3.seconds", "Seconds since 1970")
fields.microseconds = ProtoField.uint32("hep3.microseconds", "Microseconds")
fields.kind = ProtoField.uint8("hep3.kind", "Kind of payload", base.DEC, KINDS)
fields.agent = ProtoField.uint32("hep3.agent", "Capture agent")
fields.password = ProtoField.string("hep3.password", "Password")
fields.correlation = ProtoField.string("hep3.correlation", "Correlation id")

local malformed = ProtoExpert.new("hep3.malformed", "Malformed packet", expert.group.MALFORMED, expert.severity.ERROR)
hep.experts = { malformed }

local HEAD = 6 -- of the packet: "HEP3", its length; and of a chunk: vendor, type, its length
local PAYLOAD = 15

-- By type, of vendor 0: the field, and how many bytes its value has where that is fixed.
local CHUNKS = {
    [1] = { fields.family, 1 },
    [2] = { fields.protocol, 1 },
    [3] = { fields.source, 4 },
    [4] = { fields.destination, 4 },
    [5] = { fields.source6, 16 },
    [6] = { fields.destination6, 16 },
    [7] = { fields.source_port, 2 },
    [8] = { fields.destination_port, 2 },
    [9] = { fields.seconds, 4 },
    [10] = { fields.microseconds, 4 },
    [11] = { fields.kind, 1 },
    [12] = { fields.agent, 4 },
    [14] = { fields.password },
    [17] = { fields.correlation },
}

-- The two ends are those of the message instead of those of the mirror: in the packet list, and for what Wireshark makes of calls.
local ENDS = {
    [3] = { "src", "ipv4" },
    [4] = { "dst", "ipv4" },
    [5] = { "src", "ipv6" },
    [6] = { "dst", "ipv6" },
    [7] = { "src_port", "uint" },
    [8] = { "dst_port", "uint" },
}

local function is_hep(data)
    return data:len() >= HEAD and data:range(0, 4):string() == "HEP3"
end

function hep.dissector(data, pinfo, root)
    if not is_hep(data) then return 0 end
    pinfo.cols.protocol = "HEP3"
    local tree = root:add(hep, data())
    tree:add(fields.length, data:range(4, 2))
    local last = data:range(4, 2):uint()
    if last > data:len() then
        tree:add_proto_expert_info(malformed, "The packet says that it is longer than it is")
        last = data:len()
    end

    local kind, payload
    local at = HEAD
    while at < last do
        local length = last - at >= HEAD and data:range(at + 4, 2):uint() or 0
        if length < HEAD or length > last - at then
            tree:add_proto_expert_info(malformed, "A chunk is longer than what is left, or shorter than its own head")
            break
        end
        local vendor, number = data:range(at, 2):uint(), data:range(at + 2, 2):uint()
        local value = length > HEAD and data:range(at + HEAD, length - HEAD) or nil
        local chunk = vendor == 0 and CHUNKS[number] or nil
        if vendor == 0 and number == PAYLOAD then
            payload = value
        elseif not chunk then
            tree:add(fields.unknown, data:range(at, length))
        elseif not value or (chunk[2] and value:len() ~= chunk[2]) then
            tree:add_proto_expert_info(malformed, "Chunk " .. number .. " has not the length of its kind")
        else
            tree:add(chunk[1], value)
            if number == 11 then kind = value:uint() end
            local ends = ENDS[number]
            if ends then pinfo[ends[1]] = value[ends[2]](value) end
        end
        at = at + length
    end

    if payload and kind == 1 then
        Dissector.get("sip"):call(payload:tvb(), pinfo, root)
    elseif payload then
        Dissector.get("data"):call(payload:tvb(), pinfo, root)
    end
    return data:len()
end

-- By its first bytes, whichever port the capture server has; the usual one can be chosen by "Decode as" too.
hep:register_heuristic("udp", function(data, pinfo, root)
    if not is_hep(data) then return false end
    hep.dissector(data, pinfo, root)
    return true
end)
DissectorTable.get("udp.port"):add(9060, hep)
