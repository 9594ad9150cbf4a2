"""The language server: `archdsl.editor`'s answers for any editor that speaks the Language Server Protocol.

    protocol     bytes -> messages, and answers; what is malformed is answered, and ends nothing
    documents    what is open, as the client has it: texts, versions, positions in the client's units
    projects     URIs <-> files of a project, modules of the library, and the workspaces that know them
    publishing   diagnostics, told when they change
    convert      plain data of `archdsl.editor` -> the protocol's types
    features     a request -> a question to a workspace, asked in a thread -> its answer
    serve        standard streams or a socket, from the first message to the end

The event loop's thread takes messages one after the other, and owns documents and versions; whatever compiles runs in
threads. An answer for a text that has changed meanwhile is not given. Only the language's own text is ever evaluated.
"""
